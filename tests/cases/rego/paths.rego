package polity.paths

import rego.v1

allow if {
	input.action.name == "shell.exec"
	glob.match("/workspace/**", ["/"], input.args.cwd)
}

deny if glob.match("/workspace/*/secrets", ["/"], input.args.cwd)

deny if glob.match("/workspace/{tmp,cache}", ["/"], input.args.cwd)

deny if glob.match("/etc*", null, input.args.cwd)

deny if glob.match("*.git", [], input.args.cwd)

deny if glob.match("/home/*", [], input.args.cwd)

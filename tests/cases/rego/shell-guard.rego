package polity["shell-guard"]

import rego.v1

default allow := false

allow if {
	input.action.name == "shell.exec"
	startswith(input.args.cwd, "/workspace/")
	not dangerous
}

dangerous if "rm" in input.args.argv

dangerous if {
	some arg in input.args.argv
	startswith(arg, "--force")
}

dangerous if {
	some arg in input.args.argv
	regex.match(`^(/etc|/root|/var)(/|$)`, arg)
}

deny contains msg if {
	some arg in input.args.argv
	contains(arg, "..")
	msg := sprintf("argument %q climbs out of the workspace", [arg])
}

deny contains "sudo is not for agents" if input.args.sudo

package polity["every-arg"]

import rego.v1

allow if {
	input.action.name == "shell.exec"
	every arg in input.args.argv {
		not startswith(arg, "/")
		not contains(arg, ";")
	}
}

safe := {"ls", "cat", "grep"}

allow if {
	input.action.tool == "shell"
	every arg in input.args.argv {
		arg in safe
	}
}

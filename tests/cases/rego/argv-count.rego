package polity["argv-count"]

import rego.v1

deny contains msg if {
	input.action.name == "shell.exec"
	count(input.args.argv) > 3
	msg := sprintf("%d arguments are too many", [count(input.args.argv)])
}

deny contains "a command is needed" if {
	input.action.name == "shell.exec"
	count(input.args.argv) == 0
}

allow if {
	input.action.name == "shell.exec"
	count(input.args.argv) >= 1
	count(input.args.argv) <= 2
}

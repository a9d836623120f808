package polity.labels

import rego.v1

deny contains msg if {
	some label in input.args.labels
	label in {"do-not-merge", "wip", "blocked"}
	msg := concat(": ", ["blocked by label", label])
}

deny contains "needs a team label" if {
	input.action.name == "github.merge"
	not has_team_label
}

has_team_label if {
	some label in input.args.labels
	startswith(label, "team/")
}

has_team_label if input.args.labels[_] == "trivial"

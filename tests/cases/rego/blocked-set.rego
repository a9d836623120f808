package polity["blocked-set"]

import rego.v1

blocked := {"do-not-merge", "wip"}

deny if count(blocked & {label | some label in input.args.labels}) > 0

deny if {
	labels := {label | label := input.args.labels[_]}
	count(labels - {"ok", "fine", "wip"}) > 0
}

found contains label if {
	some label in input.args.labels
	endswith(label, "!")
}

deny if count(found) > 0

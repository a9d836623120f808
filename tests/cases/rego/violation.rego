package polity.violation

import rego.v1

violations contains v if {
	input.args.amount > 100
	v := {"rule": "amount", "level": "high"}
}

violations contains v if {
	not input.args.note
	v := {"rule": "note", "level": "low"}
}

deny if {
	some v in violations
	v.level == "high"
}

allow if count(violations) == 0

package polity.attachments

import rego.v1

forbidden_suffixes := [".exe", ".bat", ".sh"]

deny contains msg if {
	some name in input.args.attachments
	some suffix in forbidden_suffixes
	endswith(lower(name), suffix)
	msg := sprintf("attachment %v may not be sent", [name])
}

deny contains "only pdf" if {
	some i, name in input.args.attachments
	i >= 0
	not endswith(name, ".pdf")
}

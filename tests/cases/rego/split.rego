package polity["split"]

import rego.v1

deny contains "feature branches only" if {
	parts := split(input.args.branch, "/")
	parts[0] != "feature"
}

deny contains "deep" if count(split(input.args.branch, "/")) > 2

deny contains "no ticket" if {
	input.args.title
	indexof(input.args.title, "ACME-") == -1
}

deny contains "substring" if substring(input.args.branch, 0, 4) == "tmp-"

package polity["case"]

import rego.v1

deny contains "destructive SQL words" if {
	some word in ["drop", "truncate", "delete"]
	contains(lower(input.args.body), word)
}

deny contains "no admin branch" if startswith(lower(input.args.branch), "admin")

deny contains "wrong currency" if upper(input.args.currency) != "EUR"

deny contains "trimmed" if trim(input.args.note, " ") == "please"

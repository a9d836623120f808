package polity.elsewhere

import rego.v1

default allow := false

allow if input.tool == "billing"

allow if {
	input.user == "alice"
	input.method == "merge"
	input.arguments.amount < 5
}

deny if input.attributes.request.http.method == "GET"

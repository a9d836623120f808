package polity.cidr

import rego.v1

internal if {
	some range in data.internal
	net.cidr_contains(range, input.args.client)
}

deny contains "not from inside" if {
	input.action.name == "http.fetch"
	input.args.client
	not internal
}

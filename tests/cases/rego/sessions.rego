package polity.sessions

import rego.v1

deny contains "customer data stays here" if {
	"customer-data" in input.session.holding
	input.action.external
}

deny contains "too busy" if input.session.calls > 100

deny contains "two classes" if count(input.session.holding) > 1

allow if input.session.holding == []

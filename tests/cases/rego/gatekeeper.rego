package polity.gatekeeper

import rego.v1

violation contains {"msg": msg} if {
	input.args.amount > 100
	msg := "too much"
}

package polity.limits

import rego.v1

limit := object.get(data.limits.refund, input.args.currency, data.limits["default"])

deny contains sprintf("over the limit of %v", [limit]) if {
	input.action.name == "billing.refund"
	input.args.amount > limit
}

deny contains "not a price" if input.args.price < 0.01

allow if {
	input.action.name == "billing.refund"
	input.args.amount * 2 <= limit
	input.args.amount > -1
}

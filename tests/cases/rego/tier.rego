package polity.tier

import rego.v1

tier := "gold" if {
	input.args.amount >= 1e3
} else := "silver" if {
	input.args.amount >= 100
} else := "bronze"

allowance := {"gold": 5, "silver": 3, "bronze": 1}

allow if {
	input.action.name == "billing.refund"
	allowance[tier] > 2
}

deny if tier == "gold"

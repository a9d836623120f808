package polity.functions

import rego.v1

over(amount, limit) if amount > limit

risk(amount) := 3 if amount > 1000

risk(amount) := 2 if {
	amount > 100
	amount <= 1000
}

risk(amount) := 1 if amount <= 100

score := risk(input.args.amount) + 1

deny contains "risky" if score > 3

deny contains "over" if over(input.args.amount, 5000)

valid_currency(c) := true if c in ["EUR", "USD"] else := false

deny contains "currency" if not valid_currency(input.args.currency)

deny contains "currency again" if valid_currency(input.args.currency) == false

package polity.sums

import rego.v1

deny contains "sum" if sum(input.args.items) > 100

deny contains "max" if max(input.args.items) > 50

deny contains "min" if min(input.args.items) < 0

deny contains "one is large" if {
	some item in input.args.items
	item > 99
}

allow if {
	every item in input.args.items { item < 100 }
	input.action.name == "billing.refund"
}

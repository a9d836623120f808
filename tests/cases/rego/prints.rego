package polity.prints

import rego.v1

deny contains msg if {
	print("looking at", input.action.name, input.args.nothing.like.this)
	doubled := input.args.amount * 2
	print(sprintf("doubled %d", [doubled]), # of the call
		[x | some x in input.args.items; print(x)])
	doubled > 100
	msg := "too much"
}

allow if {
	print(input.args.note)
	small(input.args.amount)
}

small(x) if {
	print(x)
	x < 5
}

# METADATA
# custom:
#   approval: security:1
require_approval if {
	every item in input.args.items {
		print("item", item)
		item > 0
	}
}

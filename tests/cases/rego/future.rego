package polity.future

import future.keywords.contains
import future.keywords.every
import future.keywords.if
import future.keywords.in

default allow = false

allow if {
	input.args.amount = 5
}

deny contains msg if {
	x := input.args.amount
	x > 100
	msg = "too large"
}

deny contains {"msg": msg, "code": 7} if {
	input.args.amount > 1000
	msg := "far too large"
}

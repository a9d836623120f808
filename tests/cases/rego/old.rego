package polity.old

default allow = false

allow {
	input.args.amount < 5
}

package polity["with-test"]

import rego.v1

allow if input.args.amount > 4

test_allow if allow with input as {"args": {"amount": 5}}

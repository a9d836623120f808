package polity.refund_test

import rego.v1

test_small if data.polity.limits.allow with input as {"args": {"amount": 1}}

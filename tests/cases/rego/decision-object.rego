package polity["decision-object"]

import rego.v1

default allow := {"allowed": false, "reason": "no rule"}

allow := {"allowed": true, "reason": "small"} if input.args.amount < 5

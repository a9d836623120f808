package polity["with"]

import rego.v1

deny if large with input.args.amount as 5

large if input.args.amount > 4

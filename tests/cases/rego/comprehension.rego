package polity.comprehension

import rego.v1

large := [item | some item in input.args.items; item > 10]

deny if count(large) > 0

deny if count({l | some l in input.args.labels; startswith(l, "risk/")}) > 0

deny if count([1 | some l in input.args.labels; l == "x"]) > 1

by_owner := {r.owner: r.name | some r in data.repos; not r.critical}

deny if by_owner[input.args.owner] == input.args.repo

package polity["array-concat"]

import rego.v1

tools := array.concat(["shell"], ["kube"])

all_words := {"a", "b"} | {"c"}

deny if input.action.tool in tools

deny if input.args.note in (all_words - {"b"})

deny if input.args.note in union({{"x"}, {"y"}})

deny if input.args.currency in object.keys(data.limits.refund)

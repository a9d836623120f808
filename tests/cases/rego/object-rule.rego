package polity["object-rule"]

import rego.v1

limits_by_env["production"] := 10

limits_by_env["staging"] := 100

caps[env] := cap if {
	some env, cap in {"production": 5, "staging": 50}
}

deny if input.args.amount > limits_by_env[input.environment]

allow if input.args.amount < caps[input.environment]

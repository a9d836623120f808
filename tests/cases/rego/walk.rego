package polity["walk"]

import rego.v1

deny if {
	walk(input.args.spec, [_, value])
	value == "secret"
}

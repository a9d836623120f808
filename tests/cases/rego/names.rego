package polity.names

import rego.v1

deny if input.agent.name == "bot"

deny if {
	input.args.amount > 1
	input.action.effect == "delete"
}

deny if input.on_behalf_of == "alcie"

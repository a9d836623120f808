package polity["in-keys"]

import rego.v1

allow if {
	some team, _ in data.teams
	team == input.agent.team
}

deny if not data.limits.refund[input.args.currency]

package polity["in-pair"]

import rego.v1

deny if "payments", data.teams.payments in data.teams

deny if 0, "billing" in data.teams[input.agent.team].tools

allow if some "billing" in data.teams[input.agent.team].tools

package polity["agent-names"]

import rego.v1

trusted_agents := {"payments/bot"}

deny if not input.agent.name in trusted_agents

allow if input.agent.agent == "bot"

deny if input.agent.ring > 1

allow if startswith(input.agent.name, "payments/")

allow if input.agent.team != "platform"

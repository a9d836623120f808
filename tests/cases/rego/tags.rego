package polity.tags

import rego.v1

default allow := false

allow if {
	input.agent.tags.tier == "critical"
	input.agent.tags["region"] == "eu"
}

allow if object.get(input.agent.tags, "region", "us") == "us"

deny if not input.agent.tags.tier

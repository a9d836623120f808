package polity.roles

import rego.v1

default allow := false

permissions := data.roles[input.agent.tags.tier].permissions

allow if {
	some permission in permissions
	permission.tool == input.action.tool
	input.action.effect in permission.effects
}

allow if {
	some role
	role = input.agent.tags.tier
	some p in data.roles[role].permissions
	p.tool == input.action.tool
	p.effects[_] == input.action.effect
}

package polity["team-tools"]

import rego.v1

team := input.agent.team

deny contains msg if {
	not input.action.tool in data.teams[team].tools
	msg := sprintf("team %s was not given %s", [team, input.action.tool])
}

package polity.bulk

import data.limits
import rego.v1

default allow := false

is_bulk if count(input.args.argv) > 3

is_bulk if {
	count(input.args.items) >= limits.items
}

allow if not is_bulk

# METADATA
# title: Several things at once
# custom:
#   approval: {require: [{from: [security], count: 1}], timeout: 1h}
require_approval contains "more than three at once" if {
	input.action.effect in {"write", "destructive"}
	is_bulk
}

deny contains "more labels than this pull request may have" if {
	input.action.name == "github.merge"
	some team, most in limits.labels
	input.agent.team == team
	count(input.args.labels) > most
}

deny contains "as many reviewers as approvals" if {
	input.action.name == "github.merge"
	count({r | some r in input.args.reviewers}) != 2
	count(input.args.labels) - count(input.args.reviewers) >= input.args.additions
}

package polity.merge

import rego.v1

protected := {"main", "release"}

default allow := false

allow if {
	input.action.name == "github.merge"
	not input.args.branch in protected
	input.args.method in ["squash", "rebase"]
}

allow if {
	input.action.name == "github.merge"
	input.args.branch in protected
	count(input.args.reviewers) >= 2
	input.args.additions < 500
}

# METADATA
# title: Merging to a release branch
# custom:
#   approval: {require: [{from: [security], count: 1}], timeout: 30m}
require_approval contains msg if {
	input.action.name == "github.merge"
	startswith(input.args.branch, "release/")
	msg := sprintf("merging into %s", [input.args.branch])
}

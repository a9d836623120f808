package polity["uses-packages"]

import data.lib.common
import data.lib.github as gh
import data.lib.common.is_admin
import rego.v1

default allow := false

allow if is_admin

allow if {
	input.action.tool == "github"
	not gh.is_protected(input.args.branch)
	not input.args.repo in gh.critical
}

deny contains msg if {
	common.risky
	not common.is_admin
	protected := {"not", "theirs"}
	not input.args.repo in protected
	msg := sprintf("%s is protected", [input.args.branch])
}

# METADATA
# custom:
#   approval: security:1
require_approval if count(common.words(input.args.title)) > 3

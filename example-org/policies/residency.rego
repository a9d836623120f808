# Kinds of cloud resource that stand in no region: asked for in Frankfurt, they copy what they hold to every continent.
# cloud.yaml sees to the regions. The list changes more often than the rule, so it is data: residency.json, which the data
# protection officer keeps.
package polity.residency

import rego.v1

# METADATA
# title: this kind of resource keeps copies outside the Union
deny contains "no region" if {
	input.action.tool == "aws"
	input.action.effect != "read"
	some kind in data.residency.everywhere
	startswith(input.args.resource_type, kind)
}

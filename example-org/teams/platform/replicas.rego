# How far an agent may scale a workload before somebody of the team looks at it: twice what the namespace has on an ordinary
# day, which is replicas.json. A namespace that is not listed has no ordinary day.
package polity.replicas

import rego.v1

# METADATA
# title: more replicas than twice an ordinary day's
# custom:
#   approval: {require: [{from: [team-owners], count: 1}], timeout: 15m}
require_approval if {
	input.action.name == "kubernetes.resources_scale/set"
	input.args.scale > object.get(data.replicas, input.args.namespace, 0) * 2
}

package polity.namespaces

import rego.v1

system_namespace(ns) if startswith(ns, "kube-")

system_namespace(ns) if ns == "default"

system_namespace("infra") := true

deny contains msg if {
	input.action.tool == "kube"
	system_namespace(input.args.namespace)
	msg := "system namespaces are managed by people"
}

# METADATA
# scope: document
# custom:
#   approval:
#     require: [{from: [security], count: 1}]
#     timeout: 1h
require_approval if {
	input.action.name == "kube.delete"
	not input.args.force
}

require_approval if {
	input.action.name == "kube.delete"
	input.args.namespace != "sandbox"
}

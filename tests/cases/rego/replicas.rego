package polity.replicas

import rego.v1

max_replicas := 10 if input.environment == "production"

max_replicas := 3 if input.environment == "staging"

deny contains msg if {
	input.action.name == "kube.scale"
	input.args.replicas > max_replicas
	msg := sprintf("%d replicas are more than %d", [input.args.replicas, max_replicas])
}

deny contains "negative" if input.args.replicas < 0

allow if {
	input.action.name == "kube.scale"
	input.args.namespace in data.teams[input.agent.team].namespaces
}

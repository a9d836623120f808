package polity.record

import rego.v1

deny contains "privileged" if input.args.spec.privileged

deny contains "privileged is not false" if {
	input.args.spec
	not input.args.spec.privileged == false
}

deny contains "latest" if endswith(input.args.spec.image, ":latest")

deny contains "registry" if {
	image := input.args.spec.image
	not startswith(image, "registry.acme.example/")
}

deny contains "low port" if {
	some port in input.args.spec.ports
	port < 1024
}

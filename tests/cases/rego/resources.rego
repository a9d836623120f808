package polity.resources

import rego.v1

allow if {
	count(input.resources) > 0
	every resource in input.resources {
		startswith(resource, "repo:acme/")
	}
}

deny if {
	some resource in input.resources
	resource == "repo:acme/secret"
}

deny if "repo:acme/forbidden" in input.resources

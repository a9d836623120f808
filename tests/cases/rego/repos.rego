package polity.repos

import rego.v1

critical_repos := {repo.name | some repo in data.repos; repo.critical}

names := [sprintf("%s/%s", [r.owner, r.name]) | r := data.repos[_]]

deny contains "critical repository" if {
	input.action.name == "github.merge"
	input.args.repo in critical_repos
	not input.on_behalf_of in data.admins
}

deny contains "unknown repository" if {
	input.action.tool == "github"
	not concat("/", [input.args.owner, input.args.repo]) in names
}

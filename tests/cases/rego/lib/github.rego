# What several policies ask about repositories.
package lib.github

import data.repos
import input.args as given

import rego.v1

protected := {"main", "release"}

is_protected(branch) if branch in protected

is_protected(branch) if startswith(branch, "release/")

critical contains repo.name if {
	some repo in repos
	repo.critical
}

default size := "small"

size := "large" if given.additions > 500

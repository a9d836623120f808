package lib.common

import data.lib.github
import rego.v1

is_admin if input.on_behalf_of in data.admins

risky if github.size == "large"

risky if data.lib.github.is_protected(input.args.branch)

words(text) := split(text, " ")

package polity["boolean-defaults"]

import rego.v1

default force := false

force := input.args.force

default is_admin := false

is_admin if input.on_behalf_of in data.admins

deny if {
	force == true
	is_admin == false
}

allow if is_admin

allow if {
	force == false
	not is_admin
}

package polity["keys"]

import rego.v1

deny if {
	some key, value in input.args
	key == "force"
	value == true
}

deny if "sudo" in object.keys(input.args)

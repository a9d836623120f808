package polity["http"]

import rego.v1

deny if {
	response := http.send({"method": "GET", "url": "https://opa.example"})
	response.status_code != 200
}

package polity.mail

import rego.v1

default allow := false

allow if {
	input.action.name == "mail.send"
	every host in input.args.to_hosts {
		host in {"acme.example", "partner.example"}
	}
}

deny contains "too many recipients" if count(input.args.to_hosts) > 3

deny contains "subject is empty" if trim_space(input.args.subject) == ""

deny contains "shouting" if {
	input.args.subject == upper(input.args.subject)
	count(input.args.subject) > 10
}

deny contains "no secrets" if regex.match(`(?i)(password|api[_-]?key)`, input.args.body)

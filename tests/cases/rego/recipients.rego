package polity.recipients

import rego.v1

# Mail that an agent sends by itself goes to a few domains, and carries little.

most_domains := 3

allow if {
	input.action.name == "mail.send"
	count(input.args.to_hosts) <= most_domains
	not too_much
}

too_much if count(input.args.attachments) > 2

deny contains msg if {
	n := count(input.args.to_hosts)
	n > 2 * most_domains
	msg := sprintf("%d domains in one mail", [n])
}

deny contains "more files than domains" if {
	count(input.args.attachments) > count(input.args.to_hosts)
	input.args.priority > 1
}

deny contains "a mail goes to somebody" if count(input.args.to_hosts) < 1

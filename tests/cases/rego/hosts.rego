package polity.hosts

import rego.v1

default allow := false

allow if {
	input.action.name == "http.fetch"
	input.args.url.scheme == "https"
	allowed_host(input.args.url.host)
}

allowed_host(host) if host == "api.example.com"

allowed_host(host) if endswith(host, ".internal.example.com")

allowed_host(host) if glob.match("*.cdn.example.com", ["."], host)

deny contains msg if {
	input.args.url.host in data.denylist
	msg := sprintf("%v is on the denylist", [input.args.url.host])
}

deny contains "only GET and HEAD" if not input.args.method in {"GET", "HEAD"}

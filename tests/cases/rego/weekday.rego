package polity.weekday

import rego.v1

ns := time.parse_rfc3339_ns(input.now)

deny if time.weekday(ns) == "Sunday"

deny if {
	[year, month, day] := time.date(ns)
	month == 12
	day > 20
}

deny if time.parse_rfc3339_ns(input.args.at) < ns

package polity.freeze

import rego.v1

frozen if {
	input.now >= data.freeze.from
	input.now < data.freeze.until
}

deny contains "change freeze" if {
	frozen
	input.action.effect != "read"
	input.environment == "production"
}

now_ns := time.parse_rfc3339_ns(input.now)

weekend if time.weekday(now_ns) in ["Saturday", "Sunday"]

office_hours if {
	[hour, _, _] := time.clock(now_ns)
	hour >= 9
	hour < 17
}

# METADATA
# custom:
#   approval: security:1
require_approval if {
	input.action.effect == "destructive"
	not office_hours
}

deny contains "weekend" if weekend

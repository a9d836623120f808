package polity.foreign

import rego.v1

deny if re_match("^E", input.args.currency)

deny if any([input.args.amount > 5, input.args.amount < 0])

deny if print("x") == true

deny if crypto.sha256(input.args.note) == "x"

deny if {
	[_, payload, _] := io.jwt.decode(input.args.note)
	payload.role != "admin"
}

allow if time.now_ns() < 5

package polity["semver"]

import rego.v1

deny if semver.compare(input.args.branch, "1.2.0") < 0

deny if json.unmarshal(input.args.note).x == 1

deny if units.parse_bytes(input.args.note) > 5

deny if base64.decode(input.args.note) == "x"

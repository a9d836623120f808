package polity["strings"]

import rego.v1

deny if input.args.subject == "line\nbreak \"quoted\" \u00e4"

deny if input.args.subject == `raw \n "text"`

deny if contains(input.args.subject, "\t")

deny if input["args"]["subject"] == "brackets"

deny if input.args.subject > "m"

deny if input.args["subject"] < "A"

package polity.misspelt

import rego.v1

allow if input.action.tool == "gihtub"

deny if input.args.ammount > 5

deny if input.environment == "prod"

package polity["import-input"]

import data.limits
import data.teams as all_teams
import input.args
import rego.v1

deny if args.amount > limits.refund.EUR

deny if args.replicas > all_teams[input.agent.team].most

allow if args.currency == "EUR"

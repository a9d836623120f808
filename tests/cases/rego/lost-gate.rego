package polity["lost-gate"]

import rego.v1

allow if input.args.amount < 5

approval_required if input.args.amount > 50

needs_approval contains "large" if input.args.amount > 50

deny if not small_approval

small_approval if input.args.amount < 2

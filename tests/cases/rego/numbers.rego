package polity.numbers

import rego.v1

deny if to_number(input.args.note) > 5

deny if input.args.amount == -5

deny if input.args.amount > 1e3

deny if abs(input.args.amount) >= 5000

deny if input.args.price >= 99.99

deny if input.args.amount % 2 == 1

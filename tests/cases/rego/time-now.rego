package polity["time-now"]

import rego.v1

deny if time.now_ns() > 0

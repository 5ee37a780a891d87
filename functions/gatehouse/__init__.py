"""Gatehouse: brings a person into an AWS account as an IAM user, never without the MFA guard."""

import gc

# A cold start makes some hundred thousand objects that stay: modules, and the SDK's descriptions of its services. To
# look through them for garbage after every 700 new ones, as Python does by default, takes a tenth of its time.
gc.set_threshold(50_000)

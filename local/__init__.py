"""The local stack and what runs on it. Never shipped."""

import os

# Set here, before any client looks. Nothing in this package has business in a real account, so nobody's profile is
# read, and a company's proxy would not know what listens on this machine.
os.environ.pop("AWS_PROFILE", None)
os.environ.pop("AWS_DEFAULT_PROFILE", None)
os.environ["AWS_CONFIG_FILE"] = os.environ["AWS_SHARED_CREDENTIALS_FILE"] = os.devnull
for _name in ("no_proxy", "NO_PROXY"):
    os.environ[_name] = ",".join(filter(None, [os.environ.get(_name), "127.0.0.1"]))

"""The local stack and what runs on it. Never shipped."""

import os

# A proxy of the company's would not know what listens on this machine. Set here, before any client looks.
for _name in ("no_proxy", "NO_PROXY"):
    os.environ[_name] = ",".join(filter(None, [os.environ.get(_name), "127.0.0.1"]))

"""One cold start, in a process of its own: run by `local.cold_start` with the functions' interpreter, by its path.

    python -I cold_probe.py <services> [<package> <handler>]

Loads what every Python function on Lambda loads, the runtime's client, and then either boto3 alone or a handler of the
package; and makes the clients of the services (separated by commas), in both cases with the same settings.
"""

import importlib
import sys
from collections.abc import Callable


def main(services: list[str], package: str = "", handler: str = "") -> None:
    importlib.import_module("awslambdaric.bootstrap")
    if package:
        sys.path.insert(0, package)
        module, name = handler.rsplit(".", 1)
        getattr(importlib.import_module(module), name)
    if not services:
        return
    make = importlib.import_module("gatehouse.clients").client if package else _bare()
    for service in services:
        make(service)


def _bare() -> Callable[[str], object]:
    import boto3
    from botocore.config import Config

    config = Config(retries={"mode": "standard", "total_max_attempts": 4}, connect_timeout=3, read_timeout=10)
    return lambda service: boto3.client(service, config=config)  # type: ignore[call-overload]


if __name__ == "__main__":
    main(list(filter(None, sys.argv[1].split(","))), *sys.argv[2:])

"""Looks at an account before Gatehouse is deployed there, with the credentials of whoever deploys it.

The same looks as GET /account/health, and the parameters' defaults of the template for what is wanted.
"""

import os
import sys
from typing import Any

import yaml
from rich.console import Console
from rich.table import Table
from rich.text import Text

from gatehouse.clients import aws_errors, client
from gatehouse.compliance import health, password_policy
from gatehouse.compliance.health import Check
from local.process import ROOT

SIGNS = {True: ("ok", "green"), False: ("mend", "red"), None: ("?", "yellow")}


def wanted(sender_address: str | None) -> health.Wanted:
    """What a deployment with the template's defaults wants of the account."""
    default = _defaults()
    passwords = password_policy.Wanted.of(
        default["PasswordMinimumLength"],
        default["PasswordRequiredCharacters"],
        default["PasswordMaxAgeDays"],
        default["PasswordReusePrevention"],
    )
    return health.Wanted(sender_address, passwords)


def _defaults() -> dict[str, Any]:
    loader = type("Loader", (yaml.SafeLoader,), {})
    loader.add_multi_constructor("!", lambda *_: None)  # type: ignore[attr-defined]
    template = yaml.load((ROOT / "template.yaml").read_text(), loader)  # noqa: S506 (safe: passes over CloudFormation's tags)
    return {name: one.get("Default") for name, one in template["Parameters"].items()}


def table(checks: list[Check]) -> Table:
    """One line for each look; below what is not right, what to do."""
    shown = Table(show_header=False, box=None, padding=(0, 1))
    for check in checks:
        sign, colour = SIGNS[check.healthy]
        said = Text(check.found)
        if check.remedy:
            said.append(f"\n→ {check.remedy}", style="dim" if check.healthy else "bold")
        shown.add_row(Text(sign, style=colour), Text(check.name), said)
    return shown


def main() -> None:
    """Prints the looks. Ends with 1 if something is not right or could not be looked at, with 2 without an account."""
    console = Console(highlight=False)
    try:
        with aws_errors():
            caller = client("sts").get_caller_identity()
    except health.NOT_TOLD as error:
        console.print(f"No account answers ({error}): are credentials and a Region set?", markup=False)
        sys.exit(2)
    console.print(f"Account {caller['Account']}, {client('sts').meta.region_name}, as {caller['Arn']}", markup=False)
    checks = health.look(client, wanted(os.environ.get("SENDER") or None), aws_errors)
    console.print(table(checks))
    amiss = [check for check in checks if not check.healthy]
    console.print(f"{len(amiss)} to mend before you deploy" if amiss else "The account is ready.")
    sys.exit(bool(amiss))


if __name__ == "__main__":
    main()

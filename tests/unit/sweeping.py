"""Users without MFA in an account in moto, on whom sweeps act through the very functions that a stack runs."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from gatehouse import times
from gatehouse.compliance import cases, sweeps
from gatehouse.compliance.cases import Case
from gatehouse.compliance.model import Counts, Due, Finding, Kind, Mode, Rules, Sweep
from tests.unit import shapes
from tests.unit.account import ACCOUNT, BOUNDARY_PREFIX, USER, Account, own_client
from tests.unit.shapes import Shape
from tests.unit.swept import RULES

BUCKET = "gatehouse-compliance"
SWEEP_ID = "5e1b6f0a-3c52-4c8e-9a58-1d2f6f1c0a11"
DAY = 86_400


def begin(aws: Account) -> None:
    """The bucket, and a time at which users made just now are a hundred days old."""
    own_client("s3").create_bucket(Bucket=BUCKET)
    shapes.prepare(aws.iam)
    aws.clock.moment = times.after(times.text(datetime.now(UTC)), 100 * DAY)


def finding(aws: Account, name: str = USER, days: int = 40, action: Mode = Mode.SUSPEND, **about: Any) -> Finding:
    """Without MFA since so many days, and something is due about it."""
    since = times.after(aws.clock.now(), -days * DAY)
    arn = f"arn:aws:iam::{ACCOUNT}:user/{name}"
    due = Due(action, since, now=True)
    return replace(Finding(Kind.CONSOLE_WITHOUT_MFA, name, arn, "no MFA device", since, due=due), **about)


def found(aws: Account, *findings: Finding, rules: Rules = RULES) -> Sweep:
    """The sweep that found these."""
    at = aws.clock.now()
    return Sweep(SWEEP_ID, ACCOUNT, at, at, rules, Counts(1, 1, 0, len(findings), 0, {}), findings)


def sweep(aws: Account, *findings: Finding, rules: Rules = RULES) -> list[dict[str, Any]]:
    """What a sweep's function answers that acts on these."""
    return acted_on(aws, kept(aws, *findings, rules=rules), *[one.subject for one in findings])


def kept(aws: Account, *findings: Finding, rules: Rules = RULES) -> str:
    """The key of the sweep that found these, in the bucket."""
    return sweeps.save(own_client("s3"), BUCKET, found(aws, *findings, rules=rules))


def acted_on(aws: Account, key: str, *names: str) -> list[dict[str, Any]]:
    """What the function answers for a batch of a kept sweep."""
    acted: list[dict[str, Any]] = aws.step("act_on_users", sweep_id=SWEEP_ID, findings_key=key, user_names=list(names))
    return acted


def member(aws: Account, name: str = USER, **shape: Any) -> dict[str, Any]:
    """A user of ours with an address; returns its picture."""
    shapes.make(aws.iam, name, Shape(**{"keys": (True, False), **shape}), BOUNDARY_PREFIX)
    return shapes.picture(aws.iam, name)


def brought_to(aws: Account, action: Mode, name: str = USER) -> None:
    """Let days go by, and a sweep on each that matters, until this was done to the user."""
    first = finding(aws, name, days=0)
    for day in (1, 14, 30)[: list(Mode).index(action)]:
        aws.clock.moment = times.after(first.since, day * DAY)
        sweep(aws, first)
    aws.wire.calls.clear()


def case(aws: Account, name: str = USER) -> Case | None:
    return cases.find(aws.table, name)

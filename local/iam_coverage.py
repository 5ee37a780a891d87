"""Which right of which role the tests needed.

    python -m local.iam_coverage    print the table of the last whole run

A run of all of tests/workflow records every decision of IAM (local/mends/decisions.py). A right that no call needed
is one too many, or it stands in iam_unseen.yaml with the reason why the emulator cannot show its need.
"""

import json
import re
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from local.process import ROOT

UNSEEN = Path(__file__).with_name("iam_unseen.yaml")
REPORT = ROOT / ".local" / "iam-coverage.txt"

# SAM names a role after its function or machine, and CloudFormation puts the stack before and a suffix behind. The
# runbook's role is the template's own.
_ROLE = re.compile(r"gatehouse-(\w+?)(?:Function|StateMachine)?Role-\w+")


class Right(NamedTuple):
    """One action of one statement; `sid` of AWS's own policies, which name no statements, is the policy's name."""

    function: str
    sid: str
    action: str


@dataclass(frozen=True)
class Unseen:
    """A reviewed entry: rights whose need cannot be seen here. `function` may be "*"."""

    function: str
    sid: str
    actions: tuple[str, ...]
    why: str

    def covers(self, right: Right) -> bool:
        return self.function in ("*", right.function) and self.sid == right.sid and right.action in self.actions


def granted(iam: Any) -> list[Right]:
    """Every right of every role that the stack's functions, machines and runbook have; a denial is no right."""
    pages = iam.get_paginator("list_roles").paginate(PathPrefix="/gatehouse/")
    roles = {role["RoleName"]: function for page in pages for role in page["Roles"] if (function := _of(role))}
    return [
        Right(function, sid, action)
        for role, function in sorted(roles.items(), key=lambda item: item[1])
        for sid, statement in _statements(iam, role)
        if statement.get("Effect") != "Deny"
        for action in _listed(statement["Action"])
    ]


def needed(decisions: Iterable[Mapping[str, str]]) -> set[Right]:
    """The rights by which some call was allowed."""
    return {
        Right(found[1], decision["sid"], decision["action"])
        for decision in decisions
        if decision["decision"] == "Allow" and (found := _ROLE.fullmatch(decision["role_name"]))
    }


def denied(decisions: Iterable[Mapping[str, str]], provoked: str) -> list[str]:
    """In words, what a function was denied other than by the statement `provoked`, with which tests make faults."""
    lines = {
        f"{found[1]} was denied {decision['action']} on {decision['resource']} ({decision['sid'] or 'not allowed'})"
        for decision in decisions
        if decision["decision"] != "Allow"
        and decision["sid"] != provoked
        and (found := _ROLE.fullmatch(decision["role_name"]))
    }
    return sorted(lines)


def reviewed(path: Path = UNSEEN) -> list[Unseen]:
    entries = yaml.safe_load(path.read_text())
    return [Unseen(entry["function"], entry["sid"], tuple(entry["actions"]), entry["why"]) for entry in entries]


def findings(rights: Collection[Right], used: Collection[Right], unseen: Collection[Unseen]) -> Iterator[str]:
    """What is one right too many, and what in the reviewed list is true no more."""
    for right in rights:
        if right not in used and not any(entry.covers(right) for entry in unseen):
            yield f"{right.function}: no call needed {right.action} of statement {right.sid}"
    for entry in unseen:
        for action in entry.actions:
            matching = [right for right in rights if entry.covers(right) and right.action == action]
            if not matching:
                yield f"{UNSEEN.name}: no {entry.function} has {action} in statement {entry.sid}"
            elif all(right in used for right in matching):
                yield f"{UNSEEN.name}: {action} of {entry.function} ({entry.sid}) was seen: take it off the list"


def table(rights: Collection[Right], used: Collection[Right], unseen: Collection[Unseen]) -> str:
    """One line for each right: function, statement, action, and whether it was needed or why that is not seen."""
    lines = [f"{'function':<24} {'statement':<30} {'action':<42} needed"]
    for right in rights:
        reasons = [entry.why for entry in unseen if entry.covers(right)]
        verdict = "yes" if right in used else f"unseen: {reasons[0]}" if reasons else "NO"
        lines.append(f"{right.function:<24} {right.sid:<30} {right.action:<42} {verdict}")
    counted = sum(right in used for right in rights)
    listed = sum(right not in used and any(entry.covers(right) for entry in unseen) for right in rights)
    lines.append(f"{counted} of {len(rights)} rights were needed by some call, {listed} cannot be seen here")
    return "\n".join(lines)


def read(path: Path) -> list[dict[str, str]]:
    """The recorded decisions."""
    return [json.loads(line) for line in path.read_text().splitlines()]


def _of(role: Mapping[str, str]) -> str | None:
    found = _ROLE.fullmatch(role["RoleName"])
    return found[1] if found else None


def _statements(iam: Any, role: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for name in iam.list_role_policies(RoleName=role)["PolicyNames"]:
        document = iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
        yield from ((statement.get("Sid", name), statement) for statement in document["Statement"])
    for policy in iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]:
        yield from ((policy["PolicyName"], statement) for statement in _managed(iam, policy["PolicyArn"]))


def _managed(iam: Any, arn: str) -> list[dict[str, Any]]:
    """The statements of a managed policy; the emulator does not know what stands in every one of AWS's."""
    try:
        version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
    except iam.exceptions.NoSuchEntityException:
        return [{"Action": "*"}]
    found = iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]
    return _listed(found["Document"]["Statement"])


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def main() -> None:
    if not REPORT.exists():
        sys.exit("no whole run of tests/workflow has written a table yet: run make test")
    print(REPORT.read_text())


if __name__ == "__main__":
    main()

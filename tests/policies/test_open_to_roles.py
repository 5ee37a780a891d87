"""What the automation itself may do in IAM and STS: exactly what open_to_roles.yaml says, for every role."""

import re
from functools import cache
from pathlib import Path

import pytest
import yaml

from tests.policies.documents import Document
from tests.policies.evaluator import every_iam_and_sts_action
from tests.policies.holders import Holder, documents_of_holders, holders
from tests.policies.openings import Line, Openings, openings

HERE = Path(__file__).parent
REVIEWED = yaml.safe_load((HERE / "open_to_roles.yaml").read_text())
EVERY = re.compile(r"(^|:\w+/)\*$")
NEVER_ASKED = set(yaml.safe_load((HERE / "open_before_mfa.yaml").read_text())["never_asked"])


@cache
def opened() -> Openings:
    found = openings(holders().values(), documents_of_holders())
    return {name: {line for line in lines if line.action not in NEVER_ASKED} for name, lines in found.items()}


def reviewed(name: str) -> set[Line]:
    return {
        Line(
            action,
            tuple(sorted(line["at"])),
            tuple((key, tuple(sorted(values))) for key, values in line.items() if key not in ("at", "why")),
        )
        for action, lines in (REVIEWED.get(name) or {}).items()
        for line in lines
    }


def as_yaml(lines: set[Line], sign: str) -> list[str]:
    return [f"{sign} {line.action}: - {line}" for line in sorted(lines)]


def test_every_holder_of_rights_is_reviewed():
    assert set(REVIEWED) == set(holders())


def test_every_line_says_why():
    lines = [line for actions in REVIEWED.values() for lines in (actions or {}).values() for line in lines]
    assert len(lines) > 40
    assert [line for line in lines if not line.get("why", "").strip()] == []


@pytest.mark.parametrize("name", holders())
def test_exactly_the_reviewed_actions_are_open(name: str):
    changes = as_yaml(opened()[name] - reviewed(name), "add") + as_yaml(reviewed(name) - opened()[name], "remove")
    assert not changes, "\n".join([f"{name}, in open_to_roles.yaml:", *changes])


def test_of_all_actions_only_few_are_open_to_the_automation():
    functions = {name for name, holder in holders().items() if ":role/" in holder.principal and not holder.boundary}
    open_to_them = {line.action for name in functions for line in opened()[name]}
    assert len(open_to_them) < len(every_iam_and_sts_action()) / 4
    fatal = {
        "iam:CreatePolicyVersion", "iam:DeleteUserPermissionsBoundary", "iam:PassRole", "iam:PutRolePolicy",
        "iam:UpdateAssumeRolePolicy", "iam:UpdateUser", "sts:AssumeRole",
    }  # fmt: skip
    assert open_to_them & fatal == set()


def wider(document: Document) -> list[tuple[str, Document]]:
    """Each statement about IAM without its condition, and on every resource; a denial not at all."""
    found = []
    for index, statement in enumerate(document["Statement"]):
        if not any("iam:" in action for action in listed(statement.get("Action", []))):
            continue
        versions: dict[str, list[Document]] = {}
        if statement["Effect"] == "Deny":
            versions["left out"] = []
        elif "Condition" in statement:
            versions["without its condition"] = [{key: it for key, it in statement.items() if key != "Condition"}]
        # Every user, or every group, is all that its actions have.
        if statement["Effect"] == "Allow" and not all(EVERY.search(one) for one in listed(statement["Resource"])):
            versions["on every resource"] = [{**statement, "Resource": "*"}]
        for what, version in versions.items():
            others = [other for number, other in enumerate(document["Statement"]) if number != index]
            found.append((f"{statement['Sid']} {what}", {**document, "Statement": [*others, *version]}))
    return found


def listed(value) -> list:
    return value if isinstance(value, list) else [value]


def test_no_statement_about_iam_can_be_widened_unnoticed():
    documents, asked, actions = dict(documents_of_holders()), [], set()
    for holder in holders().values():
        if holder.boundary:
            continue
        for number, name in enumerate(holder.documents):
            for what, document in wider(documents[name]):
                wide = f"{holder.name}: {what}"
                documents[wide] = document
                identity = (*holder.documents[:number], wide, *holder.documents[number + 1 :])
                asked.append((holder.name, Holder(wide, holder.principal, identity)))
                actions |= {action for s in document["Statement"] for action in listed(s["Action"]) if "iam:" in action}
    assert len(asked) > 20
    found = openings([holder for _, holder in asked], documents, *actions)
    assert [holder.name for name, holder in asked if found[holder.name] <= opened()[name]] == []

"""What IAM and STS leave open to a holder of rights, written as the lines of open_to_roles.yaml.

Every action is asked on every kind of resource that it has, in every context that a statement of the holder may tell
apart. What comes of it is put into as few lines as say the same.
"""

import itertools
import re
from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from functools import cache
from typing import Any, NamedTuple

from tests.policies.documents import ACCOUNT, Document, guard_documents
from tests.policies.evaluator import Action, Request, allowed_where_it_fits, every_iam_and_sts_action
from tests.policies.holders import Holder, documents_of_holders

KINDS = {
    "person": "user/gatehouse/alice",
    "application": "user/gatehouse/applications/exporter",
    "user without a path": "user/carol",
    "administrator elsewhere": "user/admins/root-admin",
    "role of a step": "role/gatehouse/CreateUserFunctionRole",
    "role of the runbook": "role/gatehouse/GatehouseDecideRole",
    "role for people": "role/gatehouse/ResourceCreatorRole",
    "role elsewhere": "role/OrganizationAccountAccessRole",
    "policy of Gatehouse": "policy/gatehouse/gatehouse-boundary-member",
    "policy elsewhere": "policy/deploy-rights",
    "gatehouse-users": "group/gatehouse/gatehouse-users",
    "group of auditors": "group/gatehouse/Auditors",
    "group of power users": "group/gatehouse/PowerUsers",
    "group under the path": "group/gatehouse/Others",
    "group elsewhere": "group/administrators",
    "device": "mfa/phone-1",
    "device under a path": "mfa/carols/phone",
}
NO_RESOURCE = "account"

PREFIX = f"arn:aws:iam::{ACCOUNT}:"
ABSENT = "absent"
# Gatehouse's own tag and an access key's, which describes the key and is named like it.
ID, OWNER, KEY = "gatehouse:onboarding-id", "gatehouse:owner", "AKIA2222222222222222"

Context = dict[str, str | list[str]]
Combination = tuple[str, ...]
Openings = dict[str, set["Line"]]


class Line(NamedTuple):
    """One action, open on these kinds of resources where each condition has one of its values."""

    action: str
    at: tuple[str, ...]
    conditions: tuple[tuple[str, tuple[str, ...]], ...]

    def __str__(self) -> str:
        conditions = [f"{name}: [{', '.join(values)}]" for name, values in self.conditions]
        return "{" + ", ".join([f"at: [{', '.join(self.at)}]", *conditions]) + "}"


@cache
def conditions() -> dict[str, dict[str, Context]]:
    """By name of a condition: what a request's context may say of it, by value. Absent is always among them."""
    boundaries = {
        str(name).removeprefix("Boundary"): arn
        for name, arn in ((name, _boundary_arn(name)) for name in guard_documents() if name.startswith("Boundary"))
    }
    attached = sorted({*_named_in_conditions("iam:PolicyARN"), f"{PREFIX}policy/deploy-rights", _ADMINISTRATOR})
    return {
        "boundary": {ABSENT: {}}
        | {name: {"iam:PermissionsBoundary": arn} for name, arn in boundaries.items()}
        | {"Other": {"iam:PermissionsBoundary": _ADMINISTRATOR}},
        "policy": {ABSENT: {}} | {arn.rsplit("/", 1)[-1]: {"iam:PolicyARN": arn} for arn in attached},
        "tags": {ABSENT: {}} | {name: _tags(*keys) for name, keys in _TAGS.items()},
        "service": {ABSENT: {}}
        | {name: {"iam:PassedToService": f"{name}.amazonaws.com"} for name in ("lambda", "ssm", "states")},
    }


_ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"
_TAGS = {
    "onboarding": (ID,),
    "key": (KEY,),
    "owner": (OWNER,),
    "onboarding+owner": (ID, OWNER),
    "key+owner": (KEY, OWNER),
}


def _tags(*keys: str) -> Context:
    return {"aws:TagKeys": list(keys)} | {f"aws:RequestTag/{key}": "value" for key in keys}


def _boundary_arn(logical_id: str) -> str:
    words = re.findall(r"[A-Z][a-z]+", logical_id)
    return f"{PREFIX}policy/gatehouse/gatehouse-{'-'.join(words).lower()}"


def _named_in_conditions(key: str) -> set[str]:
    """Every value that some statement of a holder compares this key with."""
    blocks = [
        block
        for document in documents_of_holders().values()
        for statement in document["Statement"]
        for block in statement.get("Condition", {}).values()
    ]
    return {value for block in blocks for value in _listed(block.get(key, []))}


def openings(asked: Iterable[Holder], documents: Mapping[str, Document], *only: str) -> Openings:
    """By name of the holder; of all actions, or of those that match a pattern of `only`."""
    questions = [
        (holder.name, action, kind, combination, _request(holder, action, resource, combination))
        for holder in asked
        for action in every_iam_and_sts_action()
        if not only or _matches(action.action, only)
        for kind, resource, combination in _questions(action, holder, documents)
    ]
    allowed = {id(request) for request in allowed_where_it_fits(dict(documents), [ask[-1] for ask in questions])}
    opened: dict[tuple[str, Action], dict[str, set[Combination]]] = {}
    for name, action, kind, combination, request in questions:
        if id(request) in allowed:
            opened.setdefault((name, action), {}).setdefault(kind, set()).add(combination)
    found: Openings = {holder.name: set() for holder in asked}
    for (name, action), by_kind in opened.items():
        found[name] |= set(_lines(action, by_kind))
    return found


def _resources(action: Action) -> Iterator[tuple[str, str]]:
    if not action.listed or not action.arns:
        yield NO_RESOURCE, "*"
    types = {arn.split(":", 5)[-1].split("/")[0] for arn in action.arns}
    for kind, resource in KINDS.items():
        if not action.listed or resource.split("/")[0] in types:
            yield kind, PREFIX + resource
    for arn in action.arns:
        own = arn.split(":", 5)[-1].split("/")[0]
        if own not in {resource.split("/")[0] for resource in KINDS.values()}:
            probe = arn.replace("${Partition}", "aws").replace("${Account}", ACCOUNT)
            yield own, re.sub(r"\$\{[^}]+\}", "probe", probe)


def _questions(
    action: Action, holder: Holder, documents: Mapping[str, Document]
) -> Iterator[tuple[str, str, Combination]]:
    """On every kind of resource and in every context, where some statement allows the action at all.

    Otherwise once, in a context that says everything: no resource could make a difference.
    """
    values = [list(conditions()[name]) for name in _conditions_of(action)]
    if not any(_gives(documents[name], action.action) for name in holder.documents):
        kind, resource = next(_resources(action))
        yield kind, resource, tuple(one[1] for one in values)
        return
    for kind, resource in _resources(action):
        for combination in itertools.product(*values):
            yield kind, resource, combination


def _conditions_of(action: Action) -> list[str]:
    """The conditions that a request of this action can say anything about."""
    return [
        name
        for name, values in conditions().items()
        if any(
            key.startswith(own.split("$")[0]) for context in values.values() for key in context for own in action.keys
        )
    ]


def _gives(document: Document, action: str) -> bool:
    return any(
        _matches(action, _listed(statement["Action"]))
        if "Action" in statement
        else not _matches(action, _listed(statement["NotAction"]))
        for statement in document["Statement"]
        if statement["Effect"] == "Allow"
    )


def _matches(action: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(action.lower(), pattern.lower()) for pattern in patterns)


def _request(holder: Holder, action: Action, resource: str, combination: Combination) -> Request:
    context = dict(holder.context)
    for name, value in zip(_conditions_of(action), combination, strict=True):
        context |= conditions()[name][value]
    if action.action == "sts:AssumeRole":
        context["aws:ResourceAccount"] = ACCOUNT
    return Request(
        principal=holder.principal,
        action=action.action,
        resource=resource,
        context=context,
        identity=holder.documents,
        boundary=holder.boundary,
        as_it_stands=not action.listed,
    )


def _lines(action: Action, by_kind: dict[str, set[Combination]]) -> Iterator[Line]:
    names = _conditions_of(action)
    on: dict[tuple[Any, ...], list[str]] = {}
    for kind, combinations in by_kind.items():
        for found in _products(names, combinations):
            on.setdefault(found, []).append(kind)
    for found, kinds in on.items():
        yield Line(action.action, tuple(sorted(kinds)), found)


def _products(names: list[str], combinations: set[Combination]) -> list[tuple[Any, ...]]:
    """The combinations as products of values: (("boundary", ("Member",)), …). A condition that may have any value is
    left out."""
    if not names:
        return [()]
    rest: dict[frozenset[Combination], list[str]] = {}
    for value in conditions()[names[0]]:
        if left := frozenset(one[1:] for one in combinations if one[0] == value):
            rest.setdefault(left, []).append(value)
    found = []
    for left, values in rest.items():
        own = () if len(values) == len(conditions()[names[0]]) else ((names[0], tuple(sorted(values))),)
        found += [own + further for further in _products(names[1:], set(left))]
    return found


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]

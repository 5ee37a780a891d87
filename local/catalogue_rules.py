"""What must hold of the catalogue and a JSON schema cannot say, each rule with what would be right."""

import fnmatch
import importlib.resources
import json
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from functools import cache
from typing import Any

from gatehouse import iam_users, profiles

ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"
ADMINISTRATOR_DAYS = 30
POWERFUL = re.compile(r"Administrator|PowerUser|FullAccess")
GRANTED = ("groups", "managed_policies", "policy_templates")
LARGEST = {"{partition}": "aws-us-gov", "{account_id}": "123456789012"}
"""What the placeholders of a template stand for at most."""

Shelf = Mapping[str, Any]
Problems = Iterator[tuple[str, str]]
"""Where in the catalogue, and what would be right there."""


def _references(shelf: Shelf) -> Problems:
    """Every name stands for something."""
    for where, kind, names in _uses(shelf):
        for name in names:
            if name not in shelf[kind]:
                yield where, f"must be names of {kind}: there is no {name}"


def _uses(shelf: Shelf) -> Iterator[tuple[str, str, Collection[str]]]:
    """Where something is named, of which kind it is, and its names."""
    for name, profile in shelf["profiles"].items():
        for kind in GRANTED:
            yield f"profiles.{name}.{kind}", kind, profile[kind]
            yield f"profiles.{name}.may_add.{kind}", kind, profile["may_add"][kind]
        yield f"profiles.{name}.boundary", "boundaries", [profile["boundary"]]
        yield f"profiles.{name}.may_add.boundaries", "boundaries", profile["may_add"]["boundaries"]
    for name, group in shelf["groups"].items():
        yield f"groups.{name}.managed_policies", "managed_policies", group["managed_policies"]
    for arn, policy in shelf["managed_policies"].items():
        yield f"managed_policies.{arn}.comes_with", "policy_templates", policy.get("comes_with", ())


def _nothing_for_nobody(shelf: Shelf) -> Problems:
    """What no profile leads to would be a right of the automation's roles that nobody needs."""
    used = {(kind, name) for _, kind, names in _uses(shelf) for name in names}
    for kind in (*GRANTED, "boundaries"):
        for name in shelf[kind]:
            if (kind, name) not in used:
                yield f"{kind}.{name}", "must be granted by something, or go"


def _names(shelf: Shelf) -> Problems:
    """Names that IAM, which knows no case here, or Gatehouse itself needs."""
    for kind, taken in (("groups", iam_users.MEMBERS_GROUP), ("policy_templates", iam_users.END_POLICY)):
        counts = Counter(name.lower() for name in shelf[kind])
        for name in shelf[kind]:
            if name.lower() == taken.lower():
                yield f"{kind}.{name}", "must have another name: this one is Gatehouse's own"
            if counts[name.lower()] > 1:
                yield f"{kind}.{name}", "must differ from the others in more than case"
    for name, profile in shelf["profiles"].items():
        if len({tag.lower() for tag in profile["tags"]}) < len(profile["tags"]):
            yield f"profiles.{name}.tags", "must differ in more than case"


def _actions(shelf: Shelf) -> Problems:
    """Actions that AWS has, and that an escalation makes something of."""
    needed = {action for risk in shelf["escalations"].values() for action in risk["needs"]}
    for name, risk in shelf["escalations"].items():
        for action in risk["needs"]:
            if not _matching(action):
                yield f"escalations.{name}.needs", f"must be actions of AWS: there is no {action}"
    for kind in ("managed_policies", "policy_templates"):
        for name, entry in shelf[kind].items():
            for action in sorted(set(entry["opens"]) - needed):
                yield f"{kind}.{name}.opens", f"must be what an escalation needs: none needs {action}"


def _documents(shelf: Shelf) -> Problems:
    """Templates that IAM takes, and that open no way around the guard."""
    for name, template in shelf["policy_templates"].items():
        where = f"policy_templates.{name}.statements"
        sids = Counter(statement["Sid"] for statement in template["statements"])
        yield from ((where, f"must have a Sid each of its own: {sid}") for sid, times in sids.items() if times > 1)
        for statement in template["statements"]:
            yield from ((f"{where}.{statement['Sid']}", what) for what in _about_statement(statement))


def _about_statement(statement: Mapping[str, Any]) -> Iterator[str]:
    actions, resources = _listed(statement["Action"]), _listed(statement["Resource"])
    for action in actions:
        if not _matching(action):
            yield f"must name actions of AWS: there is no {action}"
    for resource in resources:
        if strange := set(re.findall(r"(?<!\$)\{[^}]*\}", resource)) - set(LARGEST):
            yield f"must know no placeholder but {{partition}} and {{account_id}}: {sorted(strange)[0]}"
    if statement["Effect"] == "Deny":
        return
    for action in actions:
        if re.match(r"iam:.*[*?]", action):
            yield f"must name each action of IAM, not {action}"
        if any(one == "sts:assumerole" for one in _matching(action)) and any("*" in one for one in resources):
            yield "must name the roles that it lets somebody become, without *"


def _privileged(shelf: Shelf) -> Problems:
    """What is powerful is privileged, wherever it comes from, and wants somebody's approval."""
    for arn, policy in shelf["managed_policies"].items():
        if (POWERFUL.search(arn) or policy["opens"]) and not policy["privileged"]:
            yield f"managed_policies.{arn}.privileged", "must be true: it is powerful, or opens a way up"
    for name, template in shelf["policy_templates"].items():
        # A role that people assume wants MFA itself: the right to assume it is usable with MFA only.
        own = [one for one in template["statements"] if _listed(one["Action"]) != ["sts:AssumeRole"]]
        if template["opens"] and own and not template["privileged"]:
            yield f"policy_templates.{name}.privileged", "must be true: it opens a way up"
    for name, profile in shelf["profiles"].items():
        grants = any(entry["privileged"] for entry in _entries(shelf, profile))
        if grants != profile["privileged"]:
            yield f"profiles.{name}.privileged", f"must be {str(grants).lower()}, as what it grants is"
        if (grants or profile["privileged"]) and profile["approvals_needed"] < 1:
            yield f"profiles.{name}.approvals_needed", "must be 1 at least: what it grants is privileged"


def _administrator(shelf: Shelf) -> Problems:
    """Full administration is for a short time, for a reason, and two people agree to it."""
    for name, group in shelf["groups"].items():
        if ADMINISTRATOR in group["managed_policies"]:
            yield f"groups.{name}.managed_policies", "must not hold AdministratorAccess, which nobody gets for good"
    for name, profile in shelf["profiles"].items():
        where = f"profiles.{name}"
        if ADMINISTRATOR in profile["may_add"]["managed_policies"]:
            yield f"{where}.may_add.managed_policies", "must not hold AdministratorAccess: it is a profile of its own"
        if ADMINISTRATOR not in profile["managed_policies"]:
            continue
        if profile["approvals_needed"] < 2:
            yield f"{where}.approvals_needed", "must be 2 at least with AdministratorAccess"
        if not profile["justification_required"]:
            yield f"{where}.justification_required", "must be true with AdministratorAccess"
        if profile["longest_duration_days"] > ADMINISTRATOR_DAYS:
            yield f"{where}.longest_duration_days", f"must be {ADMINISTRATOR_DAYS} at most with AdministratorAccess"
        if profile["may_add"]["copy_from"]:
            yield f"{where}.may_add.copy_from", "must be false with AdministratorAccess"


def _kinds(shelf: Shelf) -> Problems:
    """A program has keys, an owner who approves nothing for itself, and the guard for programs; a person never has."""
    for name, profile in shelf["profiles"].items():
        is_application = profile["kinds"] == ["application"]
        for pair in {profile["boundary"], *profile["may_add"]["boundaries"]} & set(shelf["boundaries"]):
            if _knows_no_mfa(shelf["boundaries"][pair]) != is_application:
                kind = "an application" if is_application else "a person"
                yield f"profiles.{name}.boundary", f"must be a pair for {kind}, not {pair}"
        if is_application:
            yield from ((f"profiles.{name}.{field}", what) for field, what in _about_application(shelf, profile))
        elif "longest_key_age_days" in profile:
            yield f"profiles.{name}.longest_key_age_days", "must be left out: it is for applications"


def _knows_no_mfa(pair: Mapping[str, Any]) -> bool:
    """Whether a pair is for programs: nothing changes when MFA is enrolled."""
    return bool(pair["enrolling"] == pair["member"])


def _about_application(shelf: Shelf, profile: Mapping[str, Any]) -> Problems:
    if profile["access"] != ["programmatic"]:
        yield "access", 'must be ["programmatic"]: an application does not sign in'
    if profile["approvals_needed"] < 1:
        yield "approvals_needed", "must be 1 at least: nothing but its key protects an application"
    if "mfa" in profile:
        yield "mfa", "must be left out: an application has no MFA"
    if "longest_key_age_days" not in profile:
        yield "longest_key_age_days", "must be given: an application's key is replaced in time"
    for field in ("copy_from", "chosen_password"):
        if profile["may_add"][field]:
            yield f"may_add.{field}", "must be false: that is for people"
    for field, granted in (("privileged", profile), ("may_add", profile["may_add"])):
        if any(entry["privileged"] for entry in _entries(shelf, granted)):
            yield field, "must not lead to anything privileged: an application has no MFA"


def _quotas(shelf: Shelf) -> Problems:
    """What a profile grants, and with it each addition alone, fits into what IAM lets one user have."""
    room = profiles.LONGEST_INLINE_POLICIES - profiles.KEPT_FOR_THE_END
    for name, profile in shelf["profiles"].items():
        where, more = f"profiles.{name}", profile["may_add"]
        if len(profile["managed_policies"]) > profiles.MOST_MANAGED_POLICIES:
            yield f"{where}.managed_policies", f"must be {profiles.MOST_MANAGED_POLICIES} at most"
        if len(profile["groups"]) > profiles.MOST_GROUPS:
            yield f"{where}.groups", f"must be {profiles.MOST_GROUPS} at most: one more is that of all members"
        if (length := _length(shelf, profile, ())) > room:
            yield f"{where}.policy_templates", f"must make {room} characters at most: they make {length}"
            continue
        for template in more["policy_templates"]:
            if _length(shelf, profile, (template,)) > room:
                yield f"{where}.may_add.policy_templates", f"must fit beside what it grants: {template} is too long"


def _length(shelf: Shelf, profile: Mapping[str, Any], added: Collection[str]) -> int:
    """Characters of the inline policies, with what comes with the managed ones."""
    policies = _policies(shelf, profile)
    companions = {one for arn in policies for one in shelf["managed_policies"][arn].get("comes_with", ())}
    names = {*profile["policy_templates"], *companions, *added} & set(shelf["policy_templates"])
    return sum(len(_document(shelf["policy_templates"][name])) for name in names)


def _document(template: Mapping[str, Any]) -> str:
    written = {"Version": "2012-10-17", "Statement": template["statements"]}
    text = json.dumps(written, separators=(",", ":"))
    for placeholder, value in LARGEST.items():
        text = text.replace(placeholder, value)
    return text


def _policies(shelf: Shelf, granted: Mapping[str, Any]) -> set[str]:
    """The managed policies that something leads to, through groups too."""
    groups = [shelf["groups"][name] for name in granted["groups"] if name in shelf["groups"]]
    named = {*granted["managed_policies"], *(arn for group in groups for arn in group["managed_policies"])}
    return named & set(shelf["managed_policies"])


def _entries(shelf: Shelf, granted: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield from (shelf["managed_policies"][arn] for arn in _policies(shelf, granted))
    yield from (
        shelf["policy_templates"][name] for name in granted["policy_templates"] if name in shelf["policy_templates"]
    )


def _matching(action: str) -> list[str]:
    """The actions of AWS that a pattern matches, in lower case."""
    service, _, name = action.lower().partition(":")
    return [f"{service}:{one}" for one in fnmatch.filter(_known().get(service, {}).get("Actions", ()), name)]


@cache
def _known() -> Mapping[str, Any]:
    """AWS's actions by service, as cfn-lint brings them along."""
    brought = importlib.resources.files("cfnlint") / "data" / "AdditionalSpecs" / "Policies.json"
    services: Mapping[str, Any] = json.loads(brought.read_text())
    return services


def _listed(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value]


RULES: tuple[Callable[[Shelf], Problems], ...] = (
    _references, _nothing_for_nobody, _names, _actions, _documents, _privileged, _administrator, _kinds, _quotas,
)  # fmt: skip

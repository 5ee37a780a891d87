"""What a request amounts to: everything resolved, in words, with what goes beyond the profile and what it risks."""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from gatehouse import catalogue, times
from gatehouse.model import Grants, Permissions


@dataclass(frozen=True)
class Account:
    """Where the stack stands: what turns the catalogue's names into ARNs.

    `boundary_prefix` is what the ARNs of the stack's boundaries begin with.
    """

    partition: str
    account_id: str
    boundary_prefix: str

    @classmethod
    def of(cls, boundary_prefix: str) -> "Account":
        """The account as the boundaries' ARNs tell it."""
        _, partition, _, _, account_id, _ = boundary_prefix.split(":", 5)
        return cls(partition, account_id, boundary_prefix)

    def boundary(self, name: str) -> str:
        return f"{self.boundary_prefix}{name}"


@dataclass(frozen=True)
class Names:
    """What is granted, by the catalogue's names."""

    groups: frozenset[str]
    managed_policies: frozenset[str]
    policy_templates: frozenset[str]

    @classmethod
    def of(cls, groups: Iterable[str], managed_policies: Iterable[str], policy_templates: Iterable[str]) -> "Names":
        return cls(frozenset(groups), frozenset(managed_policies), frozenset(policy_templates))

    def __or__(self, other: "Names") -> "Names":
        return Names(
            self.groups | other.groups,
            self.managed_policies | other.managed_policies,
            self.policy_templates | other.policy_templates,
        )

    def __sub__(self, other: "Names") -> "Names":
        return Names(
            self.groups - other.groups,
            self.managed_policies - other.managed_policies,
            self.policy_templates - other.policy_templates,
        )

    def __bool__(self) -> bool:
        return bool(self.groups or self.managed_policies or self.policy_templates)


def of_profile(profile: Mapping[str, Any]) -> Names:
    """What a profile grants to everybody."""
    return complete(Names.of(profile["groups"], profile["managed_policies"], profile["policy_templates"]))


def addable(profile: Mapping[str, Any]) -> Names:
    """What a request may name: what the profile grants anyhow, and what may be added to it."""
    added = profile["may_add"]
    more = Names.of(added["groups"], added["managed_policies"], added["policy_templates"])
    return of_profile(profile) | complete(more)


def complete(names: Names) -> Names:
    """The names with what always comes with them: PowerUserAccess alone would open the bills."""
    companions = {one for arn in _policies(names) for one in catalogue.managed_policies()[arn].get("comes_with", ())}
    return names | Names.of((), (), companions)


def of_request(request: Mapping[str, Any]) -> Names:
    """What a request names itself: a policy is an ARN, or the name of a template."""
    templates = {policy for policy in request["policies"] if not policy.startswith("arn:")}
    return Names.of(request["groups"], set(request["policies"]) - templates, templates)


def of_user(permissions: Permissions, account: Account) -> tuple[Names, list[str]]:
    """What an existing user has, by the catalogue's names, and its inline policies that are of no template."""
    rendered = {_canonical(inline_policy(name, account)): name for name in catalogue.policy_templates()}
    found = {name: rendered.get(_canonical(document)) for name, document in permissions.inline_policies.items()}
    unknown = sorted(name for name, template in found.items() if template is None)
    templates = filter(None, found.values())
    return Names.of(permissions.groups, permissions.managed_policies, templates), unknown


def resolve(request: Mapping[str, Any], profile: Mapping[str, Any], names: Names, account: Account) -> Grants:
    """The effective grants of a canonical request; `names` is everything it amounts to, the profile's own included."""
    pair = catalogue.boundaries()[request["permissions_boundary"] or profile["boundary"]]
    names = complete(names)
    privileged = profile["privileged"] or _is_privileged(names)
    beyond = names - of_profile(profile)
    return Grants(
        groups=tuple(sorted(names.groups)),
        group_policies={name: tuple(catalogue.groups()[name]["managed_policies"]) for name in sorted(names.groups)},
        managed_policies=tuple(sorted(names.managed_policies)),
        inline_policies={name: inline_policy(name, account) for name in sorted(names.policy_templates)},
        privileged=privileged,
        boundary_enrolling=account.boundary(f"boundary-{pair['enrolling']}"),
        boundary_member=account.boundary(f"boundary-{pair['member']}"),
        tags={**profile["tags"], **request["tags"]},
        in_words=tuple(_in_words(request, profile, names, privileged=privileged)),
        beyond_profile=tuple(_each_in_words(beyond)),
        escalation_risks=tuple(f"{name}: {words}" for name, words in _escalations(names).items()),
    )


def inline_policy(template: str, account: Account) -> str:
    """The document of an inline policy, as JSON text. Policy variables like `${aws:username}` are IAM's to fill in."""
    document = {"Version": "2012-10-17", "Statement": catalogue.policy_templates()[template]["statements"]}
    text = json.dumps(document, separators=(",", ":"))
    return text.replace("{partition}", account.partition).replace("{account_id}", account.account_id)


def _policies(names: Names) -> set[str]:
    """All managed policies, those of the groups included."""
    of_groups = {arn for name in names.groups for arn in catalogue.groups()[name]["managed_policies"]}
    return {*names.managed_policies, *of_groups}


def _entries(names: Names) -> Iterator[Mapping[str, Any]]:
    yield from (catalogue.managed_policies()[arn] for arn in sorted(_policies(names)))
    yield from (catalogue.policy_templates()[name] for name in sorted(names.policy_templates))


def _is_privileged(names: Names) -> bool:
    return any(entry["privileged"] for entry in _entries(names))


def _escalations(names: Names) -> Mapping[str, str]:
    return catalogue.open_escalations(action for entry in _entries(names) for action in entry["opens"])


def _in_words(
    request: Mapping[str, Any], profile: Mapping[str, Any], names: Names, *, privileged: bool
) -> Iterator[str]:
    yield str(profile["description"])
    yield from _each_in_words(names)
    if request["kind"] == "application":
        yield f"an access key, at most {profile['longest_key_age_days']} days old; no console; owner {request['email']}"
    else:
        yield f"granted {'only after MFA is enrolled' if privileged else 'from the start, usable with MFA'}"
        yield "own password and own MFA device; nothing else before MFA"
    pair = request["permissions_boundary"] or profile["boundary"]
    yield f"boundary {pair}: {catalogue.boundaries()[pair]['description']}"
    yield from _about_password(request)
    yield f"ends on {times.in_words(request['expires_at'])}: from then on everything is denied"


def _each_in_words(names: Names) -> Iterator[str]:
    for name in sorted(names.groups):
        yield f"group {name}: {catalogue.groups()[name]['description']}"
    for arn in sorted(names.managed_policies):
        yield f"policy {arn.rsplit('/', 1)[-1]}: {catalogue.managed_policies()[arn]['description']}"
    for name in sorted(names.policy_templates):
        yield f"policy {name}: {catalogue.policy_templates()[name]['description']}"


def _about_password(request: Mapping[str, Any]) -> Iterator[str]:
    if request["password_secret_arn"]:
        yield "a password that the requester has chosen, and knows until it is changed"
    if request["kind"] == "person" and not request["require_password_reset"]:
        yield "the initial password stays: no change is forced at the first sign-in"


def _canonical(document: str) -> str:
    return json.dumps(json.loads(document), sort_keys=True)


def outside(names: Names, allowed: Names) -> Collection[str]:
    """What of these names is not allowed, in words."""
    return list(_words_of(names - allowed))


def _words_of(names: Names) -> Iterator[str]:
    yield from (f"group {name}" for name in sorted(names.groups))
    yield from (f"policy {arn}" for arn in sorted(names.managed_policies | names.policy_templates))

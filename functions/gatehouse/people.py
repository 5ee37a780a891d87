"""Who somebody is: person keys, compared instead of ARN texts.

One human reaches AWS through several ARNs; a person key is the same through all of them:
an IAM user's name, the session name of an IAM Identity Center role, or the session name of a role
whose trust policy pins it to the user's name. Keys are lower-cased, as IAM's names are unique
without regard to case.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from email.utils import parseaddr

from gatehouse.model import Caller

PINNED_ROLES = frozenset({"ResourceCreatorRole"})
"""Roles whose trust policy (template.yaml) pins the session name to `${aws:username}`."""

# The characters that IAM and STS allow, no others: lower-cased, a Kelvin sign would become a k.
_NAME = r"[\w+=,.@-]+"
_USER = re.compile(rf"arn:[^:]+:iam::(\d{{12}}):user/(?:.*/)?({_NAME})", re.ASCII)
_SESSION = re.compile(rf"arn:[^:]+:sts::(\d{{12}}):assumed-role/({_NAME})/({_NAME})", re.ASCII)
_IDENTITY_CENTER = re.compile(rf"AWSReservedSSO_{_NAME}_[0-9a-f]{{16}}", re.ASCII)


def caller(arn: str, account_id: str) -> Caller:
    """Who stands behind the ARN of a signed request.

    Root, roles that stand for nobody in particular, and whoever is of another account are no person.
    """
    user = _USER.fullmatch(arn)
    if user and user[1] == account_id:
        return Caller(arn, user[2].lower())
    session = _SESSION.fullmatch(arn)
    if session and session[1] == account_id and _names_a_person(session[2]):
        return Caller(arn, session[3].lower())
    return Caller(arn, None)


def _names_a_person(role: str) -> bool:
    """Whether the role's sessions are named after the human, who cannot choose the name."""
    return role in PINNED_ROLES or _IDENTITY_CENTER.fullmatch(role) is not None


@dataclass(frozen=True)
class Directory:
    """Who decides and who operates: `approvers` maps the catalogue's labels to person keys."""

    approvers: Mapping[str, frozenset[str]]
    operators: frozenset[str]
    addresses: Mapping[str, str]

    @classmethod
    def parse(cls, approvers: str, operators: str) -> "Directory":
        """From the parameters `Approvers` (JSON) and `Operators` (separated by commas).

        An entry is a person key, alone or with a mail address: `alice`, `alice <alice@example.com>`. A key
        that is an address is its own: `bob@example.com`.
        """
        by_label = {label: dict(map(_entry, entries)) for label, entries in json.loads(approvers).items()}
        operating = dict(map(_entry, filter(None, map(str.strip, operators.split(",")))))
        addresses: dict[str, str] = {}
        for people in (*by_label.values(), operating):
            addresses |= {person: address for person, address in people.items() if address}
        return cls({label: frozenset(people) for label, people in by_label.items()}, frozenset(operating), addresses)

    @property
    def everybody(self) -> frozenset[str]:
        return self.operators.union(*self.approvers.values())

    def address(self, person: str | None) -> str | None:
        """Where a person can be written to: as the parameters say, or the key itself if it is an address."""
        if person is None:
            return None
        return self.addresses.get(person, person if "@" in person else None)

    def same(self, one: str, other: str) -> bool:
        """Whether two person keys are one human's, who is an IAM user here and a session of Identity Center there.

        They are if one of them is the mail address that stands beside the other. An address beside both says
        nothing: it may be a team's.
        """
        addresses = {one: self.addresses.get(one, ""), other: self.addresses.get(other, "")}
        return one == other or addresses[one].lower() == other or addresses[other].lower() == one

    def count(self, people: Iterable[str]) -> int:
        """How many humans these person keys are."""
        humans: list[str] = []
        for person in people:
            if not any(self.same(person, known) for known in humans):
                humans.append(person)
        return len(humans)


def _entry(text: str) -> tuple[str, str | None]:
    name, address = parseaddr(text)
    return (name or address or text.strip()).lower(), address if "@" in address else None

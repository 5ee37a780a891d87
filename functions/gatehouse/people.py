"""Who somebody is: person keys, compared instead of ARN texts.

One human reaches AWS through several ARNs; a person key is the same through all of them:
an IAM user's name, the session name of an IAM Identity Center role, or the session name of a role
whose trust policy pins it to the user's name. Keys are lower-cased, as IAM's names are unique
without regard to case.
"""

import re
from collections.abc import Collection, Mapping
from email.utils import parseaddr

from gatehouse.model import Caller

PINNED_ROLES = frozenset({"ResourceCreatorRole"})
"""Roles whose trust policy (template.yaml) pins the session name to `${aws:username}`."""

_USER = re.compile(r"arn:[^:]+:iam::(\d{12}):user/(?:.*/)?([^/]+)")
_SESSION = re.compile(r"arn:[^:]+:sts::(\d{12}):assumed-role/([^/]+)/([^/]+)")
_IDENTITY_CENTER = re.compile(r"AWSReservedSSO_[\w+=,.@-]+_[0-9a-f]{16}")


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


def directory(entries: Collection[str]) -> Mapping[str, str | None]:
    """Person keys with their mail addresses, from entries such as `alice <alice@example.com>`.

    A key that is an address is its own address: `bob@example.com`.
    """
    people: dict[str, str | None] = {}
    for entry in filter(None, map(str.strip, entries)):
        name, address = parseaddr(entry)
        person = (name or address or entry).lower()
        people[person] = address if "@" in address else None
    return people


def address(person: str | None, *directories: Mapping[str, str | None]) -> str | None:
    """Where a person can be written to: as a directory says, or the key itself if it is an address."""
    if person is None:
        return None
    known = (people[person] for people in directories if person in people)
    return next(known, person if "@" in person else None)

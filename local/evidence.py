"""The record of a completed onboarding, as an auditor reads it."""

from collections.abc import Iterator, Mapping
from typing import Any


def pairs(record: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What the API's record says, as labels and values."""
    return [
        ("Onboarding", f"{record['onboarding_id']}, {record['status']}"),
        ("User", f"{record['user_name']} <{record['email']}>, a {record['kind']}"),
        ("Profile", f"{record['profile']}, access {' and '.join(record['access'])}"),
        ("Reason", record["justification"] or "none given"),
        ("Until", _time(record["expires_at"])),
        ("Asked by", _requester(record["requester"])),
        *_decisions(record["approval"]),
        ("Digest", record["digest"]),
        *(("Grants" if not number else "", line) for number, line in enumerate(record["grants"]["in_words"])),
        ("Guard", f"{_name(record['grants']['boundary_enrolling'])}, from the first moment of the user"),
        *_enrolment(record["evidence"]),
    ]


def _requester(requester: Mapping[str, Any]) -> str:
    verified = "verified" if requester["verified"] else "not verified"
    return f"{requester['person'] or requester['arn'] or 'the Step Functions console'}, {verified}"


def _decisions(approval: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if not approval["needed"]:
        yield "Approval", "none needed for this profile"
    for number, decision in enumerate(approval["decisions"], start=1):
        label = f"Approval {number} of {approval['needed']}"
        yield label, f"{decision['decision']} by {decision['person']}, {_time(decision['at'])}: {decision['reason']}"


def _enrolment(kept: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if not kept:
        yield "MFA", "no device"
        return
    by = _name(kept["enrolled_by"] or "not known")
    themselves = {True: "the user", False: "NOT the user", None: "nobody knows whom"}[kept["enrolled_by_user"]]
    yield "MFA", f"{kept['device_kind']} device {kept['serial_number']}"
    yield "Enrolled", f"{_time(kept['enrolled_at'])} by {by} ({themselves}), from {kept['source_ip'] or 'not known'}"
    yield "Guard now", _name(kept["boundary"])


def _name(arn: str) -> str:
    return arn.rsplit("/", 1)[-1]


def _time(moment: str) -> str:
    """To the second: `2030-01-31 12:00:00 UTC`."""
    return f"{moment[:10]} {moment[11:19]} UTC"

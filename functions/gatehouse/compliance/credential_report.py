"""The account's credential report: who has which credentials, since when, and when they were used last.

https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_getting-report.html
"""

import csv
import io
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TypeVar

from gatehouse.compliance.model import ROOT, AccessKey, Credentials
from gatehouse.errors import MalformedReport

COLUMNS = (
    "user",
    "arn",
    "user_creation_time",
    "password_enabled",
    "password_last_used",
    "password_last_changed",
    "mfa_active",
    "access_key_1_active",
    "access_key_1_last_rotated",
    "access_key_1_last_used_date",
    "access_key_2_active",
    "access_key_2_last_rotated",
    "access_key_2_last_used_date",
)
"""What is read; AWS may add others."""

_NOTHING = frozenset({"N/A", "no_information", "not_supported"})
_BOOLEANS = {"true": True, "TRUE": True, "false": False, "FALSE": False}
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)", re.ASCII)

# What the last columns of a line hold, so that one that was cut off is told from a whole one.
_CHECKED: Mapping[str, Callable[[str], object]] = {
    "cert_1_active": lambda field: _boolean(field),
    "cert_1_last_rotated": lambda field: _time(field),
    "cert_2_active": lambda field: _boolean(field),
    "cert_2_last_rotated": lambda field: _time(field),
}

Report = tuple[Credentials, dict[str, Credentials]]
Value = TypeVar("Value")


def parse(text: str) -> Report:
    """The root user's line, and the users' by name. Raises MalformedReport where anything is not as documented."""
    lines = (line.rstrip("\n") for line in io.StringIO(text, newline=None))
    header = next(csv.reader([next(lines, "")]), [])
    if missing := [column for column in COLUMNS if column not in header]:
        raise MalformedReport(f"the header has no {', '.join(missing)}")
    found: dict[str, Credentials] = {}
    for number, written in enumerate(lines, start=2):
        try:
            credentials = _credentials(dict(zip(header, _fields(written, len(header)), strict=True)))
        except ValueError as error:
            raise MalformedReport(f"line {number}: {error}") from None
        if credentials.user_name in found:
            raise MalformedReport(f"line {number}: its user has a line already")
        found[credentials.user_name] = credentials
    if ROOT not in found:
        raise MalformedReport("there is no line of the root user")
    return found.pop(ROOT), found


def _fields(line: str, count: int) -> list[str]:
    """The fields of a line. A name, and a path within an ARN, may hold commas and even quotes, and AWS quotes nothing.

    No name holds a slash, so the one after the ARN's last is the one before it. Should AWS quote one day, that is read.
    """
    if '"' in line and len(quoted := next(csv.reader([line]))) == count:
        return quoted
    fields = line.split(",")
    more = len(fields) - count
    if more > 0:
        first = ",".join(fields[: more + 2])
        name = first.rpartition("/")[2]
        arn = first.removeprefix(f"{name},")
        if arn.startswith("arn:") and arn.endswith(f"/{name}"):
            return [name, arn, *fields[more + 2 :]]
    if len(fields) != count:
        raise ValueError(f"it has {len(fields)} fields, the header {count}")
    return fields


def _credentials(line: Mapping[str, str]) -> Credentials:
    for column, check in _CHECKED.items():
        if column in line:
            _read(line, column, check)
    name = line["user"]
    if not name or '"' in name or not line["arn"].startswith("arn:"):
        raise ValueError("it has no user or no ARN")
    created_at = _read(line, "user_creation_time", _time)
    if created_at is None:
        raise ValueError("user_creation_time is missing")
    return Credentials(
        user_name=name,
        arn=line["arn"],
        created_at=created_at,
        # Of the root user the report cannot tell (not_supported), unless its password was removed.
        has_password=_read(line, "password_enabled", _root_s_boolean if name == ROOT else _boolean),
        password_last_used_at=_read(line, "password_last_used", _time),
        password_changed_at=_read(line, "password_last_changed", _time),
        mfa_active=_read(line, "mfa_active", _boolean),
        keys=(_key(line, 1), _key(line, 2)),
    )


def _key(line: Mapping[str, str], number: int) -> AccessKey:
    return AccessKey(
        active=_read(line, f"access_key_{number}_active", _boolean),
        rotated_at=_read(line, f"access_key_{number}_last_rotated", _time),
        last_used_at=_read(line, f"access_key_{number}_last_used_date", _time),
    )


def _read(line: Mapping[str, str], column: str, convert: Callable[[str], Value]) -> Value:
    try:
        return convert(line[column])
    except (KeyError, ValueError):
        raise ValueError(f"{column} is none that AWS documents") from None


def _boolean(field: str) -> bool:
    return _BOOLEANS[field]


def _root_s_boolean(field: str) -> bool:
    return field in _NOTHING or _BOOLEANS[field]


def _time(field: str) -> str | None:
    if field in _NOTHING:
        return None
    whole = _TIME.fullmatch(field)
    if not whole:
        raise ValueError
    # Raises for a time that does not exist.
    datetime.fromisoformat(field)
    # As `times.text` has it, in a fifth of the time: reports are long.
    return f"{field[:19]}.{(whole[1] or '.')[1:7]:0<6}Z"

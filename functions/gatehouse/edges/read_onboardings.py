"""GET /onboardings and GET /onboardings/{id}: what stands where.

Operators and approvers see everything, everybody else what they requested themselves. A list comes as JSON, or as the
.csv of the console's wizard to who asks for text/csv.
"""

import base64
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from itertools import islice
from typing import Any
from urllib.parse import urlencode

from gatehouse import media_types, onboarding_request, ownership, people, records, settings, spreadsheet, times
from gatehouse.clients import client
from gatehouse.edges import api
from gatehouse.errors import InvalidRequest
from gatehouse.model import Caller, FieldProblem, Onboarding, Status
from gatehouse.table import Table

LARGEST_PAGE = 100
DEFAULT_PAGE = 20


@dataclass(frozen=True)
class Settings:
    table_name: str
    approvers: str
    operators: str


@api.handler
def read_onboardings(asked: api.Request) -> api.Answer:
    return _read(asked, asked.onboarding_id) if asked.onboarding_id else _browse(asked)


def _read(asked: api.Request, onboarding_id: str) -> api.Answer:
    """200 the record with its timeline and effective grants; 403 somebody else's, 404."""
    record = ownership.require(_table(), onboarding_id, asked.caller, _readers())
    return api.Answer(HTTPStatus.OK, record.public())


def _browse(asked: api.Request) -> api.Answer:
    """200 `{items, next_cursor}` or the .csv, newest first; 400 for a wrong filter, limit or cursor."""
    wanted = asked.query
    problems = [FieldProblem(name, "is not a parameter of this list") for name in wanted if name not in _PARAMETERS]
    problems += [FieldProblem(name, "is given more than once") for name in asked.repeated]
    if "user_name" in wanted and not onboarding_request.fits("user_name", wanted["user_name"]):
        problems.append(FieldProblem("user_name", onboarding_request.rule("user_name")))
    if wanted.get("status", Status.REQUESTED) not in set(Status):
        problems.append(FieldProblem("status", f"must be one of {', '.join(Status)}"))
    limit = wanted.get("limit", str(DEFAULT_PAGE))
    if not (limit.isascii() and limit.isdigit() and 1 <= int(limit[:9]) <= LARGEST_PAGE):
        problems.append(FieldProblem("limit", f"must be a number from 1 to {LARGEST_PAGE}"))
    only_for = None if asked.caller.person in _readers() else asked.caller
    index, partition = _index(wanted, only_for)
    start = _position(wanted["cursor"], index, partition) if "cursor" in wanted else None
    if "cursor" in wanted and start is None:
        problems.append(FieldProblem("cursor", "must be the next_cursor of the same list"))
    if problems:
        raise InvalidRequest(problems)
    matching = _matching(_table(), index, partition, start)
    visible = (
        record
        for record in matching
        if wanted.get("status", record.status) == record.status and (not only_for or ownership.is_own(record, only_for))
    )
    found = list(islice(visible, int(limit) + 1))
    page = found[: int(limit)]
    following = _cursor(index, partition, page[-1]) if len(found) > len(page) else None
    if media_types.preferred(asked.accept, _OFFERED) == spreadsheet.MEDIA_TYPE:
        return _as_spreadsheet(page, wanted, following)
    items = [{name: value for name, value in record.public().items() if name != "timeline"} for record in page]
    return api.Answer(HTTPStatus.OK, {"items": items, "next_cursor": following}, headers=_BY_ACCEPT)


_OFFERED = ("application/json", spreadsheet.MEDIA_TYPE)
_BY_ACCEPT = {"Vary": "Accept"}


def _as_spreadsheet(page: Iterable[Onboarding], wanted: Mapping[str, str], following: str | None) -> api.Answer:
    """The .csv; where there is more, the header Link has the query of the next page (RFC 8288)."""
    headers = {**_BY_ACCEPT, "Content-Disposition": 'attachment; filename="gatehouse-onboardings.csv"'}
    if following:
        headers["Link"] = f'<?{urlencode({**wanted, "cursor": following})}>; rel="next"'
    return api.Answer(HTTPStatus.OK, spreadsheet.of(page), f"{spreadsheet.MEDIA_TYPE}; charset=utf-8", headers)


_PARAMETERS = ("status", "user_name", "limit", "cursor")


def _readers() -> frozenset[str]:
    """Who may read what others requested."""
    config = settings.load(Settings)
    return people.Directory.parse(config.approvers, config.operators).everybody


def _index(wanted: Mapping[str, str], only_for: Caller | None) -> tuple[str, tuple[str, str]]:
    """The index that narrows most, with its partition."""
    if "user_name" in wanted:
        return "by_user", ("user_key", wanted["user_name"].lower())
    if only_for:
        return "by_requester", ("requester_key", only_for.key)
    if "status" in wanted:
        return "by_status", ("status", wanted["status"])
    return "by_time", ("entity", "onboarding")


def _matching(
    table: Table, index: str, partition: tuple[str, str], start: dict[str, Any] | None
) -> Iterator[Onboarding]:
    """Records in the index's order. The index holds keys only: the record itself is read as it stands now."""
    more = True
    while more:
        options: dict[str, Any] = {"ScanIndexForward": False, "Limit": LARGEST_PAGE}
        keys, start = table.query(index, partition, **options, **({"ExclusiveStartKey": start} if start else {}))
        found = table.get_many([item["pk"] for item in keys])
        yield from (Onboarding.from_item(found[item["pk"]]) for item in keys if item["pk"] in found)
        more = start is not None


def _cursor(index: str, partition: tuple[str, str], record: Onboarding) -> str:
    position = {
        "index": index,
        "id": record.onboarding_id,
        "at": record.created_at,
        "of": partition[1],
    }
    return base64.urlsafe_b64encode(json.dumps(position).encode()).decode().rstrip("=")


def _position(cursor: str, index: str, partition: tuple[str, str]) -> dict[str, Any] | None:
    """The key to go on from, or None for a cursor that is not of this list."""
    try:
        position = json.loads(base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True))
        onboarding_id, at = position["id"], times.text(times.parse(position["at"]))
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
        return None
    if (position.get("index"), position.get("of")) != (index, partition[1]):
        return None
    if not (isinstance(onboarding_id, str) and records.is_id(onboarding_id)):
        return None
    return {"pk": records.key(onboarding_id), "created_at": at, partition[0]: partition[1]}


def _table() -> Table:
    return Table(client("dynamodb"), settings.load(Settings).table_name)

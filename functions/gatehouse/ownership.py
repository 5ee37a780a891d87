"""Whose onboarding it is: the requester's own; an operator's, and to read an approver's, are all."""

from collections.abc import Collection
from http import HTTPStatus

from gatehouse import records
from gatehouse.model import Caller, Onboarding
from gatehouse.problems import Problem
from gatehouse.table import Table


def require(table: Table, onboarding_id: str, caller: Caller, others: Collection[str]) -> Onboarding:
    """The record, if the caller asked for it or is one of the `others` (person keys). Raises Problem 404 or 403."""
    record = records.find(table, onboarding_id)
    if record is None:
        raise Problem(HTTPStatus.NOT_FOUND, "not-found", "There is no onboarding of that id.")
    if not (is_own(record, caller) or caller.person in others):
        raise Problem(HTTPStatus.FORBIDDEN, "not-yours", "This onboarding was requested by somebody else.")
    return record


def is_own(record: Onboarding, caller: Caller) -> bool:
    return caller.key == record.requester.key

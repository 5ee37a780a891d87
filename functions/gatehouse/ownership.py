"""Whose onboarding it is: the requester's own, or any for an operator."""

from http import HTTPStatus

from gatehouse import people, records
from gatehouse.model import Caller, Onboarding
from gatehouse.problems import Problem
from gatehouse.table import Table


def require(table: Table, onboarding_id: str, caller: Caller, operators: str) -> Onboarding:
    """The record, if this caller may resend and cancel it. Raises Problem 404 or 403."""
    record = records.find(table, onboarding_id)
    if record is None:
        raise Problem(HTTPStatus.NOT_FOUND, "not-found", "There is no onboarding of that id.")
    if not (is_own(record, caller) or caller.person in people.directory(operators.split(","))):
        detail = "Only who requested this onboarding or an operator may do that."
        raise Problem(HTTPStatus.FORBIDDEN, "not-yours", detail)
    return record


def is_own(record: Onboarding, caller: Caller) -> bool:
    if caller.person is None:
        return caller.arn == record.requester.arn
    return caller.person == record.requester.person

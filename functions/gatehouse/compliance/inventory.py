"""Read what a sweep looks at, in a few calls however many users there are."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from typing import Any

from gatehouse import iam_users, times
from gatehouse.compliance import credential_report, evaluation, password_policy
from gatehouse.compliance.model import Account, Credentials, User
from gatehouse.compliance.password_policy import Wanted
from gatehouse.errors import MalformedReport, ReportGone, ReportNotReady, Throttled

PAGE = 1000
"""IAM's largest."""

MOST_CALLS = 12
"""Of a sweep. What is left when all is read goes to looks at single users whom the report shows without MFA."""

_SECOND = len("2026-11-22T06:00:00")

SETTLED_SECONDS = 3600
"""A user made so long before the report is in it, however late IAM's parts heard of each other."""


def request_report(iam: Any) -> bool:
    """Have IAM make a credential report unless it has one of the last four hours; whether there is one to read.

    Raises Throttled.
    """
    try:
        return bool(iam.generate_credential_report()["State"] == "COMPLETE")
    except iam.exceptions.LimitExceededException:
        # Of requests, not of what an account may have.
        raise Throttled("GenerateCredentialReport: LimitExceeded") from None


def read(iam: Any, wanted: Wanted, stuck: Mapping[str, str]) -> Account:
    """All of the account, as IAM tells it live but for credentials, which it tells in its report only.

    Calls: 2 besides the request of the report, one for each 1,000 users, one for each 1,000 virtual MFA devices, and
    one for each user whose profile demands MFA that cannot be phished; as long as all are fewer than 12, looks at who
    seems to have no MFA.
    Raises ReportNotReady, ReportGone, MalformedReport.
    """
    reported_at, (root, credentials) = _report(iam)
    # The request of the report, the report, and the password policy.
    calls = 3
    virtual: dict[str, int] = {}
    unassigned: list[str] = []
    for devices in _pages(iam, "list_virtual_mfa_devices", "VirtualMFADevices"):
        calls += 1
        for device in devices:
            # The root user's has a User without a name.
            if (owner := device.get("User")) is None:
                unassigned.append(device["SerialNumber"])
            elif name := owner.get("UserName"):
                virtual[name] = virtual.get(name, 0) + 1
    users = []
    for details in _pages(iam, "get_account_authorization_details", "UserDetailList", Filter=["User"]):
        calls += 1
        users += [_user(shown, virtual, credentials, reported_at) for shown in details]
    _require_lines(users, credentials, reported_at)
    lacks = tuple(password_policy.shortcomings(password_policy.standing(iam), wanted))
    return Account(
        account_id=root.arn.split(":")[4],
        reported_at=reported_at,
        root=root,
        users=tuple(_looked_at(iam, users, MOST_CALLS - calls)),
        unassigned_devices=tuple(unassigned),
        password_lacks=lacks,
        stuck=stuck,
    )


def _report(iam: Any) -> tuple[str, credential_report.Report]:
    try:
        answer = iam.get_credential_report()
    except iam.exceptions.CredentialReportNotReadyException as error:
        raise ReportNotReady(error.response["Error"]["Code"]) from None
    except (
        iam.exceptions.CredentialReportNotPresentException,
        iam.exceptions.CredentialReportExpiredException,
    ) as error:
        raise ReportGone(error.response["Error"]["Code"]) from None
    try:
        text = answer["Content"].decode("utf-8")
    except UnicodeDecodeError:
        raise MalformedReport("it is not UTF-8") from None
    return times.text(answer["GeneratedTime"]), credential_report.parse(text)


def _require_lines(users: Collection[User], credentials: Mapping[str, Credentials], reported_at: str) -> None:
    """Raises MalformedReport where a user has no line who must have one: a report that was cut off between two lines.

    Whoever was renamed since the report has one under the old name: of a user that was made in the same second.
    """
    made = {user.user_name: user.created_at[:_SECOND] for user in users}
    renamed = {
        line.created_at[:_SECOND] for name, line in credentials.items() if line.created_at[:_SECOND] != made.get(name)
    }
    settled = times.after(reported_at, -SETTLED_SECONDS)
    missing = [user for user in users if user.credentials is None and user.created_at < settled]
    if count := sum(user.created_at[:_SECOND] not in renamed for user in missing):
        raise MalformedReport(f"{count} users have no line who were there long before")


def _user(
    shown: Mapping[str, Any], virtual: Mapping[str, int], credentials: Mapping[str, Credentials], reported_at: str
) -> User:
    name, created_at = shown["UserName"], times.text(shown["CreateDate"])
    return User(
        user_name=name,
        arn=shown["Arn"],
        path=shown["Path"],
        created_at=created_at,
        boundary=shown.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn"),
        tags={tag["Key"]: tag["Value"] for tag in shown.get("Tags", ())},
        virtual_devices=virtual.get(name, 0),
        # A line of somebody who was deleted since, and whose name was given again, is not this user's.
        credentials=credentials.get(name) if created_at <= reported_at else None,
        policies=tuple(policy["PolicyArn"] for policy in shown.get("AttachedManagedPolicies", ())),
    )


def _looked_at(iam: Any, users: Collection[User], calls_left: int) -> Iterator[User]:
    """The users, with what IAM tells live of those of whom lists do not tell enough."""
    for user in users:
        if not user.has_console:
            yield user
        elif evaluation.demands_more(user) and user.has_mfa:
            yield _look_at(iam, user)
        elif not user.has_mfa and calls_left > 0:
            calls_left -= 1
            yield _look_at(iam, user)
        else:
            yield user


def _look_at(iam: Any, user: User) -> User:
    """The user with the kinds of devices it has now; as it was where it has just been deleted."""
    try:
        devices = tuple(device["kind"] for device in iam_users.devices(iam, user.user_name))
    except iam.exceptions.NoSuchEntityException:
        return user
    return replace(user, devices=devices)


def _pages(iam: Any, operation: str, listed: str, **arguments: Any) -> Iterator[list[Mapping[str, Any]]]:
    for page in iam.get_paginator(operation).paginate(**arguments, PaginationConfig={"PageSize": PAGE}):
        yield page[listed]
        # The paginator keeps a page until it has the next one.
        page[listed].clear()

"""What an account must have for Gatehouse to work and to be worth it; each look says what it found and what to do."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from typing import Any

from gatehouse import errors
from gatehouse.compliance import password_policy

Clients = Callable[[str], Any]
"""Gives the client of a service."""

QUOTA_MARGIN = 0.1
"""Share of a quota that should be left."""

LEAST_CONCURRENCY = 150
"""Lambdas at once: AWS leaves a hundred to everybody, and the steps reserve a few each. New accounts begin with ten."""


@dataclass(frozen=True)
class Wanted:
    """What the account is compared with; without a `sender_address` (None) no identity is looked for."""

    sender_address: str | None
    password_policy: password_policy.Wanted


@dataclass(frozen=True)
class Check:
    """One look: `healthy` is None where it could not be told. `remedy` says what to do, None where nothing is."""

    name: str
    healthy: bool | None
    found: str
    remedy: str | None = None

    def public(self) -> dict[str, Any]:
        return asdict(self)


NOT_TOLD = (errors.AccessDenied, errors.AwsCallFailed, errors.NotYetConsistent, errors.TransientFault)


def look(clients: Clients, wanted: Wanted, aws_errors: Callable[[], AbstractContextManager[None]]) -> list[Check]:
    """Every look, the most important first; one that fails does not stop the others.

    `aws_errors` makes a context that turns the SDK's exceptions into ours.
    """
    checks: list[Check] = []
    for name, one in LOOKS.items():
        try:
            with aws_errors():
                checks += one(clients, wanted)
        except NOT_TOLD as error:
            remedy = "Look again; if it stays, allow the call that is named."
            checks.append(Check(name, None, f"It could not be looked at: {error}.", remedy))
    return checks


def _root(clients: Clients, _: Wanted) -> Iterator[Check]:
    summary = _summary(clients)
    if summary["AccountMFAEnabled"]:
        yield Check("root-mfa", True, "The root user has MFA.")
    elif not summary.get("AccountPasswordPresent", 1):
        yield Check("root-mfa", True, "The root user has no password to sign in with, and needs no MFA.")
    else:
        yield Check("root-mfa", False, "The root user has no MFA.", "Sign in as root and enrol a device, better two.")
    if summary["AccountAccessKeysPresent"]:
        found = "The root user has access keys."
        yield Check("root-access-keys", False, found, "Sign in as root and delete them: nothing may depend on them.")
    else:
        yield Check("root-access-keys", True, "The root user has no access keys.")


def _trail(clients: Clients, _: Wanted) -> Iterator[Check]:
    cloudtrail = clients("cloudtrail")
    for trail in cloudtrail.describe_trails()["trailList"]:
        if _tells_of_iam(cloudtrail, trail):
            yield Check("trail", True, f"The trail {trail['Name']} logs management events of every Region.")
            return
    remedy = "Create a multi-Region trail that logs management events: without it no event tells of an enrolment."
    yield Check("trail", False, "No trail logs the management events of IAM.", remedy)


def _tells_of_iam(cloudtrail: Any, trail: dict[str, Any]) -> bool:
    """IAM is global: its events are us-east-1's, so a trail of another Region alone never sees them."""
    arn = trail["TrailARN"]
    if not (trail.get("IsMultiRegionTrail") or trail.get("HomeRegion") == "us-east-1"):
        return False
    if not cloudtrail.get_trail_status(Name=arn)["IsLogging"]:
        return False
    selectors = cloudtrail.get_event_selectors(TrailName=arn)
    basic = any(
        one.get("IncludeManagementEvents", True) and one.get("ReadWriteType", "All") != "ReadOnly"
        for one in selectors.get("EventSelectors") or ()
    )
    return basic or any(map(_selects_management_writes, selectors.get("AdvancedEventSelectors") or ()))


def _selects_management_writes(selector: dict[str, Any]) -> bool:
    wanted = {one["Field"]: one.get("Equals", []) for one in selector["FieldSelectors"]}
    return "Management" in wanted.get("eventCategory", ()) and wanted.get("readOnly", ["false"]) != ["true"]


def _region(clients: Clients, _: Wanted) -> Iterator[Check]:
    region = clients("sesv2").meta.region_name
    if region == "us-east-1":
        yield Check("region", True, "Events of IAM arrive in this Region.")
    else:
        found = f"Events of IAM arrive in us-east-1, not in {region}: enrolments are seen on a schedule."
        remedy = "Forward them if minutes matter: docs/operations.md has the command."
        yield Check("region", True, found, remedy)


def _mail(clients: Clients, wanted: Wanted) -> Iterator[Check]:
    sesv2 = clients("sesv2")
    account = sesv2.get_account()
    if not account.get("SendingEnabled", True):
        yield Check("mail", False, "SES does not send for this account.", "Ask AWS Support to lift the pause.")
    elif account.get("ProductionAccessEnabled"):
        quota = account.get("SendQuota", {}).get("Max24HourSend")
        yield Check("mail", True, "SES is out of the sandbox" + (f", {quota:.0f} mails a day." if quota else "."))
    else:
        found = "SES is in the sandbox: only verified addresses get mail, 200 a day."
        yield Check("mail", False, found, "Request production access in the SES console.")
    if wanted.sender_address:
        yield _sender(sesv2, wanted.sender_address)


def _sender(sesv2: Any, address: str) -> Check:
    """The address itself or its domain may be the identity."""
    for identity in (address, address.rpartition("@")[2]):
        try:
            found = sesv2.get_email_identity(EmailIdentity=identity)
        except sesv2.exceptions.NotFoundException:
            continue
        if found.get("VerifiedForSendingStatus"):
            return Check("sender", True, f"{identity} is a verified identity.")
    remedy = "Create the identity in SES, in this Region, and verify it."
    return Check("sender", False, f"Neither {address} nor its domain is a verified identity.", remedy)


def _alias(clients: Clients, _: Wanted) -> Iterator[Check]:
    aliases = clients("iam").list_account_aliases()["AccountAliases"]
    if aliases:
        yield Check("account-alias", True, f"People sign in at {aliases[0]}.")
    else:
        found = "The account has no alias: people sign in with twelve digits."
        yield Check("account-alias", True, found, "Give it one: aws iam create-account-alias --account-alias NAME")


def _passwords(clients: Clients, wanted: Wanted) -> Iterator[Check]:
    lacks = password_policy.shortcomings(password_policy.standing(clients("iam")), wanted.password_policy)
    if lacks:
        remedy = "Deploy with PasswordPolicyMode=enforce, or set it in the IAM console."
        yield Check("password-policy", False, f"It is weaker than wanted: {'; '.join(lacks)}.", remedy)
    else:
        yield Check("password-policy", True, "It demands at least what is wanted.")


def _quotas(clients: Clients, _: Wanted) -> Iterator[Check]:
    summary = _summary(clients)
    short = []
    for name in ("Users", "Groups", "Policies"):
        used, quota = summary[name], summary[f"{name}Quota"]
        if quota - used < quota * QUOTA_MARGIN:
            short.append(f"{name.lower()} {used} of {quota}")
    limits = clients("lambda").get_account_settings()["AccountLimit"]
    at_once = limits["ConcurrentExecutions"]
    if at_once < LEAST_CONCURRENCY:
        short.append(f"{at_once} Lambdas at once, {LEAST_CONCURRENCY} are wanted (else deploy with StepConcurrency=0)")
    if short:
        yield Check(
            "quotas", False, f"Little is left: {'; '.join(short)}.", "Raise them in the Service Quotas console."
        )
    else:
        yield Check("quotas", True, f"Enough is left, e.g. {summary['Users']} of {summary['UsersQuota']} users.")


def _device_names(clients: Clients, _: Wanted) -> Iterator[Check]:
    """A set-up that was cancelled leaves a device without an owner, and its name is taken for the next try."""
    pages = clients("iam").get_paginator("list_virtual_mfa_devices").paginate(AssignmentStatus="Unassigned")
    names = [device["SerialNumber"].rpartition("/")[2] for page in pages for device in page["VirtualMFADevices"]]
    if names:
        shown = ", ".join(sorted(names)[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
        found = f"Devices without an owner hold names that people may want: {shown}."
        yield Check(
            "device-names", False, found, "Delete those that nobody is enrolling: aws iam delete-virtual-mfa-device"
        )
    else:
        yield Check("device-names", True, "No device without an owner holds a name.")


def _summary(clients: Clients) -> dict[str, int]:
    summary: dict[str, int] = clients("iam").get_account_summary()["SummaryMap"]
    return summary


LOOKS: dict[str, Callable[[Clients, Wanted], Iterator[Check]]] = {
    "root": _root,
    "trail": _trail,
    "region": _region,
    "mail": _mail,
    "password-policy": _passwords,
    "quotas": _quotas,
    "device-names": _device_names,
    "account-alias": _alias,
}

"""What can be read back when a story is over: IAM, Secrets Manager, the table, the execution and the mails."""

import json
from collections.abc import Mapping
from functools import cache, partial
from typing import Any

from local.client import wait_for
from tests.workflow import overheard
from tests.workflow.people import FINAL, Onboarding, awaited, mails, root, row, rows

BOUNDARIES = {"enrolling": "gatehouse-boundary-enrolling", "member": "gatehouse-boundary-member"}


def user(onboarding: Onboarding) -> dict[str, Any] | None:
    """The IAM user, whoever made it, or None."""
    iam = root(onboarding.stack, "iam")
    try:
        found: dict[str, Any] = iam.get_user(UserName=onboarding.user_name)["User"]
    except iam.exceptions.NoSuchEntityException:
        return None
    return found


def boundary(onboarding: Onboarding) -> str:
    """The name of the user's permissions boundary."""
    found = user(onboarding) or {}
    arn: str = found["PermissionsBoundary"]["PermissionsBoundaryArn"]
    return arn.rsplit("/", 1)[-1]


def policies(onboarding: Onboarding) -> set[str]:
    """The names of everything attached to the user, managed and inline."""
    iam, name = root(onboarding.stack, "iam"), onboarding.user_name
    attached = iam.list_attached_user_policies(UserName=name)["AttachedPolicies"]
    return {policy["PolicyName"] for policy in attached} | set(iam.list_user_policies(UserName=name)["PolicyNames"])


def groups(onboarding: Onboarding) -> set[str]:
    """The groups that count the user as a member, whether or not the user still exists."""
    iam = root(onboarding.stack, "iam")
    every = [group["GroupName"] for page in iam.get_paginator("list_groups").paginate() for group in page["Groups"]]
    return {name for name in every if onboarding.user_name in _members(iam, name)}


def _members(iam: Any, group: str) -> set[str]:
    pages = iam.get_paginator("get_group").paginate(GroupName=group)
    try:
        return {member["UserName"] for page in pages for member in page["Users"]}
    except iam.exceptions.NoSuchEntityException:
        return set()  # another story's, removed meanwhile


def has_password(onboarding: Onboarding) -> bool:
    iam = root(onboarding.stack, "iam")
    try:
        iam.get_login_profile(UserName=onboarding.user_name)
    except iam.exceptions.NoSuchEntityException:
        return False
    return True


def access_keys(onboarding: Onboarding) -> list[str]:
    iam = root(onboarding.stack, "iam")
    try:
        keys = iam.list_access_keys(UserName=onboarding.user_name)["AccessKeyMetadata"]
    except iam.exceptions.NoSuchEntityException:
        return []
    return [key["AccessKeyId"] for key in keys]


def devices(onboarding: Onboarding) -> list[str]:
    """The virtual devices of the user, and those that once were and are nobody's now."""
    pages = root(onboarding.stack, "iam").get_paginator("list_virtual_mfa_devices").paginate(AssignmentStatus="Any")
    every = [device for page in pages for device in page["VirtualMFADevices"]]
    owned = [device for device in every if (device.get("User") or {}).get("UserName") == onboarding.user_name]
    named = [device for device in every if onboarding.user_name in device["SerialNumber"]]
    return sorted({device["SerialNumber"] for device in (*owned, *named)})


def secrets(onboarding: Onboarding) -> list[str]:
    """The names of this onboarding's secrets, those scheduled for deletion included."""
    own = f"gatehouse/{onboarding.id}/"
    pages = root(onboarding.stack, "secretsmanager").get_paginator("list_secrets")
    found = pages.paginate(IncludePlannedDeletion=True, Filters=[{"Key": "name", "Values": [own]}])
    names = [secret["Name"] for page in found for secret in page["SecretList"]]
    return sorted(name for name in names if name.startswith(own))


def secret_value(onboarding: Onboarding, what: str, generation: int = 1) -> str | None:
    """What a secret holds, None while it is empty; root may read it, whom the emulator exempts from its policy."""
    secret = f"gatehouse/{onboarding.id}/{what}/{generation}"
    found = root(onboarding.stack, "secretsmanager").get_secret_value(SecretId=secret)
    value: str | None = found.get("SecretString")
    if value and what == "access-key":
        overheard.secret("secret access key", json.loads(value)["secret_access_key"])
    else:
        overheard.secret("password", value)
    return value


def open_claims(onboarding: Onboarding) -> list[str]:
    claims = [item for item in rows(onboarding.stack, onboarding_id=onboarding.id) if item["pk"].startswith("claim#")]
    return [item["kind"] for item in claims if item["state"] == "open"]


def is_locked(onboarding: Onboarding) -> bool:
    """Whether this onboarding still holds its user's name."""
    lock = row(onboarding.stack, f"user#{onboarding.user_name.lower()}")
    return bool(lock and lock["onboarding_id"] == onboarding.id)


def record(onboarding: Onboarding) -> dict[str, Any]:
    found = row(onboarding.stack, f"onboarding#{onboarding.id}")
    assert found, f"no record of {onboarding.user_name}"
    return found


def timeline(onboarding: Onboarding) -> list[str]:
    return [entry["event"] for entry in record(onboarding)["timeline"]]


def execution(onboarding: Onboarding) -> dict[str, Any]:
    """The execution once it has ended."""
    machines = root(onboarding.stack, "stepfunctions")

    def look() -> dict[str, Any] | None:
        described: dict[str, Any] = machines.describe_execution(executionArn=onboarding.execution_arn)
        return None if described["status"] == "RUNNING" else described

    return wait_for(look, f"the end of the execution of {onboarding.user_name}")


def history(onboarding: Onboarding) -> list[dict[str, Any]]:
    pages = root(onboarding.stack, "stepfunctions").get_paginator("get_execution_history")
    arn = onboarding.execution_arn
    return [event for page in pages.paginate(executionArn=arn) for event in page["events"]]


def states(onboarding: Onboarding) -> list[str]:
    """The states that the execution has entered so far, in order."""
    entered = (event.get("stateEnteredEventDetails") for event in history(onboarding))
    return [details["name"] for details in entered if details]


def task_token(onboarding: Onboarding, state: str) -> str:
    """The token with which a state waits, as anybody can read it in the execution's history."""
    token: str = input_of(onboarding, state)["task_token"]
    return token


def input_of(onboarding: Onboarding, state: str) -> dict[str, Any]:
    """What a state last called its function with, as the Step Functions console shows it."""
    scheduled = [event["taskScheduledEventDetails"] for event in history(onboarding) if _schedules(event, state)]
    payload: dict[str, Any] = json.loads(scheduled[-1]["parameters"])["Payload"]
    return payload


def _schedules(event: Mapping[str, Any], state: str) -> bool:
    parameters = json.loads(event.get("taskScheduledEventDetails", {}).get("parameters", "{}"))
    return str(parameters.get("FunctionName", "")).endswith(f"-{state}")


def completed(onboarding: Onboarding) -> dict[str, Any]:
    """Everything that holds of every onboarding that completed; returns its record."""
    awaited(onboarding, "COMPLETE")
    assert execution(onboarding)["status"] == "SUCCEEDED"
    kept = record(onboarding)
    assert boundary(onboarding) == kept["grants"]["boundary_member"].rsplit("/", 1)[-1]
    is_person = kept["request"]["kind"] == "person"
    if is_person:
        assert "gatehouse-users" in groups(onboarding)
        assert len(devices(onboarding)) == 1
        assert kept["evidence"]["serial_number"] in devices(onboarding)
    assert [name for name in secrets(onboarding) if "/password/" in name] == []
    assert "password" not in open_claims(onboarding)
    assert "task_token" not in kept
    assert not is_locked(onboarding)
    subject = "MFA enrolled" if is_person else "Application ready"
    for address in (onboarding.email, *([kept["requester"]["person"]] if kept["requester"]["verified"] else [])):
        wait_for(lambda to=address: mails(onboarding, subject, to), f"the mail of completion to {address}")  # type: ignore[misc]
    assert_guarded(onboarding.stack)
    return kept


def undone(onboarding: Onboarding, status: str, reason: str) -> dict[str, Any]:
    """Everything that holds of every onboarding that did not complete; returns its record."""
    kept = awaited(onboarding, status, seconds=90)
    assert (kept["status"], kept["status_reason"]) == (status, reason)
    nothing_is_left(onboarding)
    if kept["requester"]["verified"]:
        wait_for(lambda: mails(onboarding, "Onboarding of", kept["requester"]["person"]), "the mail of the end")
        [mail] = mails(onboarding, "Onboarding of", kept["requester"]["person"])
        assert mail["subject"] == f"Onboarding of {onboarding.user_name} ended: {status}"
    assert_guarded(onboarding.stack)
    return kept


def reset_ended(reset: Onboarding, status: str, reason: str, *, locked: bool) -> dict[str, Any]:
    """Everything that holds of every reset that did not complete; returns its record."""
    kept = awaited(reset, status, seconds=90)
    assert (kept["status"], kept["status_reason"]) == (status, reason)
    assert secrets(reset) == [], "secrets"
    assert open_claims(reset) == [], "open claims"
    assert not is_locked(reset), "the lock"
    assert kept["claims"] == {}, "claims in the record"
    assert "task_token" not in kept, "the task token"
    if locked:
        assert boundary(reset) == BOUNDARIES["enrolling"]
        assert not has_password(reset), "the login profile"
        assert access_keys(reset) == [], "access keys"
        assert devices(reset) == [], "MFA devices"
    [mail] = wait_for(lambda: mails(reset, "Reset of MFA", kept["requester"]["person"]), "the mail of the end")
    assert mail["subject"] == f"Reset of MFA of {reset.user_name} ended: {status}"
    assert ("cannot sign in" in mail["text"]) is locked
    assert_guarded(reset.stack)
    return kept


def failed_with(onboarding: Onboarding, error: str, reason: str) -> str:
    """The end of an execution that ran its own roll-back: Error is the status, Cause begins with the reason.

    Returns the cause's details.
    """
    ended = execution(onboarding)
    assert (ended["status"], ended["error"]) == ("FAILED", error)
    begin, _, details = ended["cause"].partition(": ")
    assert begin == reason, ended["cause"]
    return str(details)


def nothing_is_left(onboarding: Onboarding) -> None:
    """No trace of this onboarding but its record and claims that reveal nothing any more."""
    found = user(onboarding)
    assert found is None or _onboarding_id(found) != onboarding.id, "the user"
    if found is None:
        assert not has_password(onboarding), "the login profile"
        assert access_keys(onboarding) == [], "access keys"
        assert groups(onboarding) == set(), "group memberships"
        assert _policies_left(onboarding) == [], "policies"
    assert devices(onboarding) == [], "MFA devices"
    assert secrets(onboarding) == [], "secrets"
    assert open_claims(onboarding) == [], "open claims"
    assert not is_locked(onboarding), "the lock"
    kept = record(onboarding)
    assert kept["status"] in FINAL, "the record is open"
    assert kept["claims"] == {}, "claims in the record"
    assert "task_token" not in kept, "the task token"


def _policies_left(onboarding: Onboarding) -> list[str]:
    """What a new user of the same name would find attached."""
    iam = root(onboarding.stack, "iam")
    left = []
    for operation, result in (
        ("list_user_policies", "PolicyNames"),
        ("list_attached_user_policies", "AttachedPolicies"),
        ("list_signing_certificates", "Certificates"),
        ("list_ssh_public_keys", "SSHPublicKeys"),
        ("list_service_specific_credentials", "ServiceSpecificCredentials"),
    ):
        try:
            left += [str(one) for one in getattr(iam, operation)(UserName=onboarding.user_name)[result]]
        except iam.exceptions.NoSuchEntityException:
            continue
    return left


def assert_guarded(stack: Mapping[str, Any]) -> None:
    """Every user that Gatehouse made, whatever story it belongs to, carries a boundary that holds the guard."""
    iam = root(stack, "iam")
    pages = iam.get_paginator("list_users").paginate(PathPrefix="/gatehouse/")
    paths = {one["UserName"]: one["Path"] for page in pages for one in page["Users"]}
    guards = cache(partial(_guards, iam))
    # Every story looks at everybody: by boundary, and one by one only at those whose boundary is just being exchanged.
    seen = {
        name for arn in _boundaries(iam) for name in _carriers(iam, arn) if name in paths and guards(arn, paths[name])
    }
    for name in paths.keys() - seen:
        try:
            found = iam.get_user(UserName=name)["User"]
        except iam.exceptions.NoSuchEntityException:
            continue  # another story's, rolled back meanwhile
        arn = found.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn")
        assert arn, f"{name} has no boundary"
        assert guards(arn, found["Path"]), f"the boundary {arn} of {name} under {found['Path']} lacks the guard"


def _boundaries(iam: Any) -> list[str]:
    pages = iam.get_paginator("list_policies").paginate(Scope="Local", PathPrefix="/gatehouse/")
    arns = [policy["Arn"] for page in pages for policy in page["Policies"]]
    return [arn for arn in arns if "-boundary-" in arn]


def _carriers(iam: Any, boundary: str) -> list[str]:
    pages = iam.get_paginator("list_entities_for_policy")
    found = pages.paginate(PolicyArn=boundary, EntityFilter="User", PolicyUsageFilter="PermissionsBoundary")
    return [user["UserName"] for page in found for user in page["PolicyUsers"]]


def _guards(iam: Any, boundary: str, path: str) -> bool:
    """Whether that boundary is the one for a user under this path; applications have no MFA."""
    if path == "/gatehouse/applications/":
        return boundary.endswith("-boundary-application")
    return _holds_the_guard(iam, boundary)


def _holds_the_guard(iam: Any, arn: str) -> bool:
    version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
    document = iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]
    return any(
        statement["Effect"] == "Deny"
        and "NotAction" in statement
        and statement.get("Condition") == {"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}}
        for statement in document["Statement"]
    )


def _onboarding_id(found: Mapping[str, Any]) -> str | None:
    tags = {tag["Key"]: tag["Value"] for tag in found.get("Tags", [])}
    return tags.get("gatehouse:onboarding-id")

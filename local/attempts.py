"""What an onboarded user tries, to see what the guard lets through."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from local import people
from local.client import Person

_REFUSALS = ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation")


@dataclass(frozen=True)
class Attempt:
    """One call. `allowed` says what has to come of it; None leaves that to what the profile grants."""

    what: str
    service: str
    operation: str
    parameters: Mapping[str, Any]
    allowed: bool | None


@dataclass(frozen=True)
class Outcome:
    """What came of an attempt. `why` is the kind of a refusal, or what else a call that was allowed failed for."""

    allowed: bool
    why: str


def outcome(attempt: Attempt, person: Person) -> Outcome:
    try:
        getattr(person.aws(attempt.service), attempt.operation)(**attempt.parameters)
    except ClientError as error:
        code, message = error.response["Error"]["Code"], error.response["Error"]["Message"]
        if code in _REFUSALS:
            return Outcome(False, "explicit deny" if "explicit deny" in message else "not granted")
        return Outcome(True, code)
    return Outcome(True, "")


def before_mfa(record: Mapping[str, Any], other: str, stack: Mapping[str, Any], password: str) -> list[Attempt]:
    """Everything but enrolling is refused. The own password is changed on the way, as a sign-in demands."""
    own = {"UserName": record["user_name"]}
    change = {"OldPassword": password, "NewPassword": people.new_password()}
    secret = f"gatehouse/{record['onboarding_id']}/password/1"
    return [
        Attempt("change the own password", "iam", "change_password", change, True),
        Attempt("list the own MFA devices", "iam", "list_mfa_devices", own, True),
        Attempt("list S3 buckets", "s3", "list_buckets", {}, False),
        Attempt("list EC2 instances", "ec2", "describe_instances", {}, False),
        Attempt("look at another user", "iam", "get_user", {"UserName": other}, False),
        Attempt("read the own secret", "secretsmanager", "get_secret_value", {"SecretId": secret}, False),
        *_never(record["user_name"], other, stack),
    ]


def after_mfa(record: Mapping[str, Any], other: str, stack: Mapping[str, Any]) -> list[Attempt]:
    """What the profile grants is open; the guard, other people's devices and Gatehouse itself are not."""
    user_name, grants = record["user_name"], record["grants"]
    all_of_it = True if any(arn.endswith("/AdministratorAccess") for arn in grants["managed_policies"]) else None
    return [
        *_roles(record, stack),
        Attempt("list S3 buckets", "s3", "list_buckets", {}, all_of_it),
        Attempt("list EC2 instances", "ec2", "describe_instances", {}, all_of_it),
        Attempt("list the account's users", "iam", "list_users", {}, all_of_it),
        *_never(user_name, other, stack),
        Attempt("make a user without the guard", "iam", "create_user", {"UserName": f"{user_name}-2"}, False),
        Attempt("change Gatehouse's code", "lambda", "update_function_code", _code(stack), False),
        Attempt("answer a task token", "stepfunctions", "send_task_success", {"taskToken": "-", "output": "{}"}, False),
    ]


def _never(user_name: str, other: str, stack: Mapping[str, Any]) -> list[Attempt]:
    """Refused before MFA and after it, AdministratorAccess or not."""
    own = {"UserName": user_name}
    device = {
        "UserName": other,
        "SerialNumber": f"arn:aws:iam::{stack['account_id']}:mfa/{user_name}",
        "AuthenticationCode1": people.CODES[0],
        "AuthenticationCode2": people.CODES[1],
    }
    return [
        Attempt("enable an MFA device for another user", "iam", "enable_mfa_device", device, False),
        Attempt("make an access key", "iam", "create_access_key", own, False),
        Attempt("lift the own permissions boundary", "iam", "delete_user_permissions_boundary", own, False),
        Attempt("read Gatehouse's table", "dynamodb", "scan", {"TableName": stack["table_name"]}, False),
        Attempt("call a function of Gatehouse", "lambda", "invoke", {"FunctionName": _function(stack)}, False),
    ]


def _roles(record: Mapping[str, Any], stack: Mapping[str, Any]) -> list[Attempt]:
    """The roles that the profile's inline policies (`Assume<role>`) name."""
    names = [policy.removeprefix("Assume") for policy in record["grants"]["inline_policies"]]
    arn = f"arn:aws:iam::{stack['account_id']}:role/gatehouse/"
    session = {"RoleSessionName": record["user_name"]}
    return [Attempt(f"become {name}", "sts", "assume_role", {"RoleArn": arn + name, **session}, True) for name in names]


def _function(stack: Mapping[str, Any]) -> str:
    name: str = stack["state_machine_arn"].rsplit(":", 1)[-1]
    return name.removesuffix("onboarding") + "RollBack"


def _code(stack: Mapping[str, Any]) -> dict[str, str]:
    return {"FunctionName": _function(stack), "S3Bucket": "anybody", "S3Key": "code.zip"}

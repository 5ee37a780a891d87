"""A member whose MFA is reset, through the very functions that a stack runs."""

import json
from typing import Any

from gatehouse.model import Onboarding, Status
from tests.unit.account import APPROVER, ONBOARDING_ID, OPERATOR, TASK_TOKEN, USER, Account

MACHINE_ARN = "arn:aws:states:us-east-1:123456789012:stateMachine:gatehouse-mfa-reset"
STEPS = (
    "validate_request",
    "request_approval",
    "reset_mfa",
    "issue_password",
    "send_sign_in_instructions",
    "await_mfa",
    "complete_onboarding",
)
APPROVALS = {"developer": (APPROVER,), "power-user": (APPROVER,), "migration-admin": (APPROVER, "carol@example.com")}


def member(aws: Account, **request: Any) -> Onboarding:
    """Somebody whose onboarding is complete, with a device called old-phone."""
    approved_by = APPROVALS[request.get("profile", "developer")]
    onboarding_id = aws.seed(Status.PROVISIONING, approved_by=approved_by, **request).onboarding_id
    for stem in ("create_user", "issue_password", "attach_policies", "send_sign_in_instructions", "await_mfa"):
        aws.step(stem, onboarding_id=onboarding_id)
    aws.enrol("old-phone")
    aws.step("complete_onboarding", onboarding_id=onboarding_id)
    aws.wire.calls.clear()
    return aws.record(onboarding_id)


def asked_for(aws: Account, of: str = ONBOARDING_ID) -> str:
    """The id of a reset that an operator has asked for, three weeks later."""
    aws.clock.advance(21 * 86_400)
    answer = aws.api("request_mfa_reset", caller=OPERATOR, pathParameters={"id": of})
    assert answer.status == 202, answer.body
    aws.wire.calls.clear()
    return str(answer.json["onboarding_id"])


def step(aws: Account, stem: str, reset_id: str, **changes: Any) -> Any:
    """Call a step as the reset's own machine does."""
    arn = f"{MACHINE_ARN.replace(':stateMachine:', ':execution:')}:{reset_id}"
    given: dict[str, Any] = {"onboarding_id": reset_id}
    if stem in ("validate_request", "roll_back"):
        given["execution_arn"] = arn
    if stem == "validate_request":
        given |= {"purpose": "mfa_reset", "input": {"onboarding_id": reset_id}}
    if stem in ("request_approval", "await_mfa"):
        given |= {"task_token": TASK_TOKEN, "entered_at": aws.clock.now()}
    return aws.step(stem, **given | changes)


def decide(aws: Account, reset_id: str, decision: str, by: str) -> Any:
    body = json.dumps({"decision": decision, "reason": "called back"})
    return aws.api("decide_onboarding", body, caller=by, pathParameters={"id": reset_id})


def brought_to(aws: Account, last: str, **request: Any) -> str:
    """The id of a reset whose machine has gone through this step, with the approvals it needs."""
    member(aws, **request)
    reset_id = asked_for(aws)
    for stem in STEPS[: STEPS.index(last) + 1]:
        step(aws, stem, reset_id)
        if stem == "request_approval":
            approve(aws, reset_id)
    aws.wire.calls.clear()
    return reset_id


def approve(aws: Account, reset_id: str) -> None:
    for approver in APPROVALS[aws.record(reset_id).request["profile"]]:
        assert decide(aws, reset_id, "approve", approver).status == 200


def boundary(aws: Account) -> str:
    user = aws.user()
    assert user is not None
    return str(user["PermissionsBoundary"]["PermissionsBoundaryArn"])


def proofs(aws: Account) -> dict[str, Any]:
    """What the user can prove itself with."""
    keys = aws.iam.list_access_keys(UserName=USER)["AccessKeyMetadata"]
    every = aws.iam.list_virtual_mfa_devices(AssignmentStatus="Any")["VirtualMFADevices"]
    return {
        "password": aws.password(),
        "keys": [key["AccessKeyId"] for key in keys],
        "enrolled": [one["SerialNumber"] for one in aws.iam.list_mfa_devices(UserName=USER)["MFADevices"]],
        "virtual": [one["SerialNumber"] for one in every],
    }


def granted(aws: Account) -> dict[str, Any]:
    """What the user has been granted, the policy of the end left out."""
    attached = aws.iam.list_attached_user_policies(UserName=USER)["AttachedPolicies"]
    return {
        "groups": {group["GroupName"] for group in aws.iam.list_groups_for_user(UserName=USER)["Groups"]},
        "policies": {policy["PolicyArn"] for policy in attached},
        "inline": {
            name: aws.iam.get_user_policy(UserName=USER, PolicyName=name)["PolicyDocument"]
            for name in aws.iam.list_user_policies(UserName=USER)["PolicyNames"]
            if name != "GatehouseEnd"
        },
    }


def secrets(aws: Account, reset_id: str) -> list[str]:
    names = [secret["Name"] for secret in aws.secretsmanager.list_secrets()["SecretList"]]
    return [name for name in names if f"/{reset_id}/" in name]

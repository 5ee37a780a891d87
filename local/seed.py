"""What an account has before Gatehouse comes: a sign-in alias, a verified sender, and people."""

from typing import Any

from local.deploy import client

ALIAS = "example-corp"
SENDER = "gatehouse@example.com"

# The people of the demonstration, and the stack output that names what each may do.
PEOPLE = {
    "requester": ("requester@example.com", "RequesterPolicyArn"),
    "approver": ("approver@example.com", "ApproverPolicyArn"),
    "second_approver": ("second-approver@example.com", "ApproverPolicyArn"),
    "operator": ("operator@example.com", "OperatorPolicyArn"),
}
APPROVERS = [PEOPLE["approver"][0], PEOPLE["second_approver"][0]]
OPERATORS = [PEOPLE["operator"][0], "admin"]


def account(endpoint_url: str) -> None:
    client("iam", endpoint_url).create_account_alias(AccountAlias=ALIAS)
    # A mail domain's recipients are verified with it, as the sandbox wants.
    for identity in ("example.com", SENDER):
        client("sesv2", endpoint_url).create_email_identity(EmailIdentity=identity)


def principals(endpoint_url: str, outputs: dict[str, str]) -> dict[str, dict[str, str]]:
    """Create the people, each with a key pair; returns role → {access_key_id, secret_access_key, arn}."""
    iam = client("iam", endpoint_url)
    policies = {role: (name, outputs[output]) for role, (name, output) in PEOPLE.items()}
    policies["admin"] = ("admin", "arn:aws:iam::aws:policy/AdministratorAccess")
    return {role: _person(iam, name, policy) for role, (name, policy) in policies.items()}


def _person(iam: Any, name: str, policy_arn: str) -> dict[str, str]:
    arn: str = iam.create_user(UserName=name)["User"]["Arn"]
    iam.attach_user_policy(UserName=name, PolicyArn=policy_arn)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return {"access_key_id": key["AccessKeyId"], "secret_access_key": key["SecretAccessKey"], "arn": arn}

"""Who asks in these tests: alice, onboarded; bob, onboarded; carol, an older user of the account."""

from typing import Literal

from tests.policies.documents import ACCOUNT, Document

Mfa = Literal["true", "false", "absent"]

ADMINISTRATOR_ACCESS: Document = {
    "Version": "2012-10-17",
    "Statement": [{"Sid": "AdministratorAccess", "Effect": "Allow", "Action": "*", "Resource": "*"}],
}


def user(path_and_name: str) -> str:
    return f"arn:aws:iam::{ACCOUNT}:user/{path_and_name}"


# The guard must know a person wherever its user lives: the path is Gatehouse's, none, or another one.
ALICE = user("gatehouse/alice")
ALICES = (ALICE, user("alice"), user("teams/data/alice"))
# The last one looks like alice's ARN to a careless pattern.
OTHERS = (user("gatehouse/bob"), user("carol"), user("alice/bob"))


def user_context(mfa: Mfa) -> dict[str, str | list[str]]:
    """What IAM knows of alice's request. An access key carries no MFA key at all."""
    context: dict[str, str | list[str]] = {"aws:username": "alice"}
    if mfa != "absent":
        context["aws:MultiFactorAuthPresent"] = mfa
    return context

"""`aws login`, the way to the command line with a security key or passkey: open with MFA, closed without."""

import pytest

from tests.policies.documents import ACCOUNT, guard_documents
from tests.policies.evaluator import Request, decide
from tests.policies.requesters import ADMINISTRATOR_ACCESS, ALICE, Mfa, user_context

ACTIONS = ("signin:AuthorizeOAuth2Access", "signin:CreateOAuth2Token")
CLIENT = f"arn:aws:signin:us-east-1:{ACCOUNT}:oauth2/public-client/localhost"


def opened(boundary: str, mfa: Mfa, identity: str) -> set[str]:
    documents = {**guard_documents(), "AdministratorAccess": ADMINISTRATOR_ACCESS}
    context = {**user_context(mfa), "aws:RequestedRegion": "us-east-1"}
    asked = [Request(ALICE, action, CLIENT, context, (identity,), boundary, as_it_stands=True) for action in ACTIONS]
    return {one.action for one, answer in zip(asked, decide(documents, asked), strict=True) if answer.allowed}


@pytest.mark.parametrize("boundary", ["BoundaryMember", "BoundaryMemberOneRegion"])
def test_with_mfa_self_service_is_enough(boundary: str) -> None:
    assert opened(boundary, "true", "SelfService") == set(ACTIONS)


@pytest.mark.parametrize("identity", ["SelfService", "AdministratorAccess"])
@pytest.mark.parametrize("mfa", ["false", "absent"])
@pytest.mark.parametrize("boundary", ["BoundaryEnrolling", "BoundaryMember", "BoundaryMemberOneRegion"])
def test_without_mfa_it_is_closed(boundary: str, mfa: Mfa, identity: str) -> None:
    assert opened(boundary, mfa, identity) == set()

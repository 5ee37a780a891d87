"""A power user works everywhere but on IAM, the organization and the bills."""

import json

import pytest

from gatehouse import effective_grants
from tests.policies.documents import Document, guard_documents, load_template, pseudo_parameters
from tests.policies.evaluator import Request, actions_of, allowed_where_it_fits
from tests.policies.requesters import ALICE, user_context
from tests.policies.test_escalations import HERE, ROLE, managed

BILLING = (
    "aws-portal", "bcm-data-exports", "billing", "billingconductor", "budgets", "ce", "consolidatedbilling", "cur",
    "freetier", "invoicing", "payments", "purchase-orders", "tax",
)  # fmt: skip


def deny_billing() -> Document:
    document: Document = json.loads(effective_grants.inline_policy("DenyBilling", HERE))
    return document


@pytest.mark.parametrize("boundary", ["BoundaryMember", "BoundaryRole"])
def test_nothing_of_the_bills_is_open_to_a_power_user(boundary: str) -> None:
    documents = {**guard_documents(), "PowerUserAccess": managed("PowerUserAccess"), "DenyBilling": deny_billing()}
    member = boundary == "BoundaryMember"
    who = (ALICE, user_context("true")) if member else (ROLE, {})
    requests = [
        Request(who[0], action.action, "*", who[1], identity, boundary)
        for actions in actions_of(*BILLING).values()
        for action in actions
        for identity in (("PowerUserAccess", "DenyBilling"), ("PowerUserAccess",))
    ]
    opened = [asked.identity for asked in allowed_where_it_fits(documents, requests)]
    assert opened
    assert ("PowerUserAccess", "DenyBilling") not in opened


def test_the_role_that_developers_become_is_denied_the_same() -> None:
    role = load_template(pseudo_parameters())["Resources"]["ResourceCreatorRole"]["Properties"]
    (policy,) = role["Policies"]
    assert policy["PolicyDocument"] == deny_billing()

"""CheckAccountHealth: each line says what was found, and what to do about what is not right."""

from typing import Any

import pytest

from gatehouse.compliance.health import LOOKS
from tests.unit.account import REQUESTER, Account
from tests.unit.sound_account import STRONG, TRAIL, SoundAccount


@pytest.fixture
def account(aws: Account) -> SoundAccount:
    return SoundAccount(aws)


def test_a_sound_account_is_told_so_line_by_line(account: SoundAccount) -> None:
    assert account.unhealthy() == {}
    assert list(account.checks()) == [
        "root-mfa", "root-access-keys", "trail", "region", "mail", "sender", "password-policy", "quotas",
        "device-names", "account-alias",
    ]  # fmt: skip


def test_only_an_operator_looks(aws: Account) -> None:
    assert aws.api("check_account_health", caller=REQUESTER).problem == (403, "not-an-operator")
    assert aws.wire.names() == []


def test_a_root_user_whose_password_was_removed_needs_no_mfa(account: SoundAccount) -> None:
    account.summary(AccountMFAEnabled=0, AccountPasswordPresent=0)
    assert account.checks()["root-mfa"]["healthy"]


@pytest.mark.parametrize(
    ("summary", "unhealthy"),
    [
        ({"AccountMFAEnabled": 0}, {"root-mfa": "The root user has no MFA."}),
        ({"AccountAccessKeysPresent": 1}, {"root-access-keys": "The root user has access keys."}),
        ({"Users": 4600}, {"quotas": "Little is left: users 4600 of 5000."}),
        ({"Groups": 300}, {"quotas": "Little is left: groups 300 of 300."}),
    ],
)
def test_root_and_quotas(account: SoundAccount, summary: dict[str, int], unhealthy: dict[str, str]) -> None:
    account.summary(**summary)
    assert account.unhealthy() == unhealthy


def test_a_new_account_s_ten_lambdas_at_once_are_too_few(account: SoundAccount) -> None:
    limits = {"ConcurrentExecutions": 10, "UnreservedConcurrentExecutions": 10}
    account.aws.wire.answer("GetAccountSettings", {"AccountLimit": limits})
    assert account.unhealthy() == {
        "quotas": "Little is left: 10 Lambdas at once, 150 are wanted (else deploy with StepConcurrency=0)."
    }


MANAGEMENT = {"Field": "eventCategory", "Equals": ["Management"]}


@pytest.mark.parametrize(
    ("trail", "logging", "selectors", "healthy"),
    [
        ({}, True, {}, True),
        ({}, False, {}, False),
        ({"IsMultiRegionTrail": False}, True, {}, True),
        ({"IsMultiRegionTrail": False, "HomeRegion": "eu-west-1"}, True, {}, False),
        ({}, True, {"EventSelectors": [{"ReadWriteType": "ReadOnly", "IncludeManagementEvents": True}]}, False),
        ({}, True, {"EventSelectors": [{"ReadWriteType": "All", "IncludeManagementEvents": False}]}, False),
        ({}, True, {"EventSelectors": [{"ReadWriteType": "WriteOnly", "IncludeManagementEvents": True}]}, True),
        ({}, True, {"AdvancedEventSelectors": [{"FieldSelectors": [MANAGEMENT]}]}, True),
        (
            {},
            True,
            {"AdvancedEventSelectors": [{"FieldSelectors": [MANAGEMENT, {"Field": "readOnly", "Equals": ["true"]}]}]},
            False,
        ),
        (
            {},
            True,
            {"AdvancedEventSelectors": [{"FieldSelectors": [{"Field": "eventCategory", "Equals": ["Data"]}]}]},
            False,
        ),
    ],
)
def test_a_trail_helps_if_it_sees_what_is_written_to_iam(
    account: SoundAccount, trail: dict[str, Any], logging: bool, selectors: dict[str, Any], healthy: bool
) -> None:
    account.trails(TRAIL | trail)
    account.aws.wire.answer("GetTrailStatus", {"IsLogging": logging})
    if selectors:
        account.selectors(**selectors)
    assert account.checks()["trail"]["healthy"] is healthy


def test_one_good_trail_among_others_is_enough(account: SoundAccount) -> None:
    account.trails(TRAIL | {"IsMultiRegionTrail": False, "HomeRegion": "eu-west-1"}, TRAIL | {"Name": "organization"})
    assert "organization" in account.checks()["trail"]["found"]


def test_the_sandbox_of_ses_is_told(account: SoundAccount) -> None:
    account.aws.wire.answer("GetAccount", {"ProductionAccessEnabled": False, "SendingEnabled": True})
    assert "sandbox" in account.unhealthy()["mail"]


def test_a_sender_whose_domain_is_verified_may_send(account: SoundAccount) -> None:
    asked = account.aws.wire

    def identity(parameters: dict[str, Any]) -> dict[str, Any]:
        return {"VerifiedForSendingStatus": "@" not in parameters["EmailIdentity"]}

    asked.answer("GetEmailIdentity", identity)
    assert account.checks()["sender"]["found"] == "example.com is a verified identity."


def test_a_sender_that_is_no_identity_is_told(account: SoundAccount) -> None:
    account.aws.wire.refuse("GetEmailIdentity", "NotFoundException", times=2, status=404)
    assert list(account.unhealthy()) == ["sender"]


def test_a_weak_password_policy_is_told_in_words(account: SoundAccount) -> None:
    account.aws.wire.answer("GetAccountPasswordPolicy", {"PasswordPolicy": STRONG | {"MinimumPasswordLength": 8}})
    assert "8 characters suffice where 14 are wanted" in account.unhealthy()["password-policy"]


def test_names_that_abandoned_devices_hold_are_told(account: SoundAccount) -> None:
    for number in range(7):
        account.aws.iam.create_virtual_mfa_device(VirtualMFADeviceName=f"phone-{number}")
    assert "phone-0, phone-1, phone-2, phone-3, phone-4 and 2 more" in account.unhealthy()["device-names"]


def test_what_may_not_be_looked_at_stops_nothing_else(account: SoundAccount) -> None:
    account.aws.wire.refuse("DescribeTrails", "AccessDeniedException", message="no right to cloudtrail:DescribeTrails")
    checks = account.checks()
    assert checks["trail"]["healthy"] is None
    assert "no right to cloudtrail:DescribeTrails" in checks["trail"]["found"]
    assert set(LOOKS) - {"root"} <= set(checks)

"""What a request amounts to is told by name, in words, and with what could still be made of it."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatehouse import catalogue, effective_grants, onboarding_request, profiles
from gatehouse.effective_grants import Account, Names
from gatehouse.model import Grants, Permissions
from tests.unit.account import AS_APPLICATION, BOUNDARY_PREFIX, NOW, change_catalogue, make_request

HERE = Account.of(BOUNDARY_PREFIX)
AWS_POLICY = "arn:aws:iam::aws:policy/"
SOME = st.frozensets(st.sampled_from("abc"))
NAMES = st.builds(Names, SOME, SOME, SOME)


def grants(**request: Any) -> Grants:
    return profiles.review(onboarding_request.canonical(make_request(**request)), HERE, NOW).grants


def told(**request: Any) -> str:
    return "\n".join(grants(**request).in_words)


def test_the_account_is_read_from_the_boundaries() -> None:
    china = Account.of("arn:aws-cn:iam::210987654321:policy/gatehouse/stack-")
    assert (china.partition, china.account_id) == ("aws-cn", "210987654321")
    assert china.boundary("boundary-member") == "arn:aws-cn:iam::210987654321:policy/gatehouse/stack-boundary-member"


@given(NAMES, NAMES)
def test_names_are_added_and_taken_away_kind_by_kind(one: Names, other: Names) -> None:
    assert not (one - one)
    assert (one | other) - other == one - other
    assert (one - other) | (one - (one - other)) == one
    assert bool(one) == bool(one.groups or one.managed_policies or one.policy_templates)


def test_a_policy_is_an_arn_or_the_name_of_a_template() -> None:
    request = {"groups": ["Auditors"], "policies": [f"{AWS_POLICY}SecurityAudit", "ReadLogs"]}
    assert effective_grants.of_request(request) == Names.of(["Auditors"], [f"{AWS_POLICY}SecurityAudit"], ["ReadLogs"])


def test_what_a_profile_grants_may_be_named_too() -> None:
    for profile in catalogue.profiles().values():
        assert not effective_grants.of_profile(profile) - effective_grants.addable(profile)


def test_what_a_policy_comes_with_comes_wherever_it_comes_from() -> None:
    power = f"{AWS_POLICY}PowerUserAccess"
    for names in (Names.of((), [power], ()), Names.of(["PowerUsers"], (), ())):
        assert effective_grants.complete(names).policy_templates == {"DenyBilling"}
    assert not effective_grants.complete(Names.of(["Auditors"], (), ["ReadLogs"])) - Names.of(
        ["Auditors"], (), ["ReadLogs"]
    )


@pytest.mark.parametrize("more", [{"policies": [f"{AWS_POLICY}PowerUserAccess"]}, {"groups": ["PowerUsers"]}])
def test_nobody_gets_a_power_user_s_rights_without_the_denial_of_bills(more: dict[str, Any]) -> None:
    assert "DenyBilling" in grants(**more).inline_policies


def test_a_document_names_this_partition_and_account_and_leaves_iam_its_variables() -> None:
    china = Account.of("arn:aws-cn:iam::210987654321:policy/gatehouse/stack-")
    (statement,) = json.loads(effective_grants.inline_policy("ReadOwnParameters", china))["Statement"]
    assert statement["Resource"] == [
        "arn:aws-cn:ssm:*:210987654321:parameter/${aws:username}",
        "arn:aws-cn:ssm:*:210987654321:parameter/${aws:username}/*",
    ]


@pytest.mark.parametrize("name", catalogue.policy_templates())
def test_no_document_keeps_a_placeholder(name: str) -> None:
    text = effective_grants.inline_policy(name, HERE)
    assert json.loads(text)["Version"] == "2012-10-17"
    assert "{partition}" not in text
    assert "{account_id}" not in text


@given(st.sets(st.sampled_from(sorted(catalogue.policy_templates()))), st.integers(0, 4))
def test_a_user_with_templates_is_understood_whatever_its_policies_are_called(names: set[str], indent: int) -> None:
    documents = {
        f"p{number}": json.dumps(json.loads(effective_grants.inline_policy(name, HERE)), indent=indent, sort_keys=True)
        for number, name in enumerate(sorted(names))
    }
    has = Permissions(("Auditors",), (f"{AWS_POLICY}SecurityAudit",), documents)
    assert effective_grants.of_user(has, HERE) == (Names.of(["Auditors"], [f"{AWS_POLICY}SecurityAudit"], names), [])


def test_a_policy_of_no_template_is_told_by_its_name() -> None:
    elsewhere = Account.of("arn:aws:iam::999999999999:policy/gatehouse/gatehouse-")
    documents = {
        "another-account": effective_grants.inline_policy("AssumeResourceCreatorRole", elsewhere),
        "Own": '{"Version": "2012-10-17", "Statement": []}',
    }
    names, unknown = effective_grants.of_user(Permissions((), (), documents), HERE)
    assert (bool(names), unknown) == (False, ["Own", "another-account"])


def test_everything_that_is_granted_is_told_in_words() -> None:
    words = told(groups=["Auditors"], policies=["ReadLogs", f"{AWS_POLICY}PowerUserAccess"])
    shelf = [
        ("group Auditors", catalogue.groups()["Auditors"]),
        ("policy PowerUserAccess", catalogue.managed_policies()[f"{AWS_POLICY}PowerUserAccess"]),
        ("policy ReadLogs", catalogue.policy_templates()["ReadLogs"]),
        ("policy AssumeResourceCreatorRole", catalogue.policy_templates()["AssumeResourceCreatorRole"]),
    ]
    for name, entry in shelf:
        assert f"{name}: {entry['description']}" in words.splitlines()


def test_beyond_the_profile_is_told_what_the_profile_does_not_grant_and_nothing_else() -> None:
    beyond = grants(profile="auditor", groups=["Auditors"], policies=[f"{AWS_POLICY}SecurityAudit"]).beyond_profile
    assert beyond == (f"group Auditors: {catalogue.groups()['Auditors']['description']}",)


def test_when_it_is_granted_depends_on_what_is_privileged() -> None:
    assert "granted from the start, usable with MFA" in told()
    assert "granted only after MFA is enrolled" in told(groups=["PowerUsers"])


def test_the_boundary_is_told_with_what_it_is_for() -> None:
    assert "boundary default: the guard, and nothing else denied" in told()
    assert "boundary one-region: the guard, and only the Region of Gatehouse" in told(permissions_boundary="one-region")


def test_a_program_is_told_with_its_owner_and_the_age_of_its_key() -> None:
    words = told(**AS_APPLICATION, email="owner@example.com")
    assert "an access key, at most 90 days old; no console; owner owner@example.com" in words
    assert "MFA" not in words.replace("which have no MFA", "").replace("no MFA, the address", "")


def test_a_chosen_password_and_one_that_stays_are_told() -> None:
    arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:gatehouse-chosen-password/alice-AbCdEf"
    assert "a password that the requester has chosen" in told(password_secret_arn=arn)
    assert "the initial password stays" in told(require_password_reset=False)
    assert "chosen" not in told()
    assert "stays" not in told()


def test_the_end_is_told() -> None:
    assert "ends on 1 June 2026, 00:00 UTC: from then on everything is denied" in told(
        expires_at="2026-06-01T02:00:00+02:00"
    )


@pytest.mark.parametrize(
    ("request_", "risk"),
    [
        ({}, "assume-role-elsewhere"),
        ({"profile": "power-user"}, "change-function-code"),
        ({"groups": ["PowerUsers"]}, "change-function-code"),
        ({"profile": "migration-admin", "justification": "x"}, "pass-role-to-function"),
    ],
)
def test_what_somebody_could_still_make_of_it_is_told_by_name(request_: dict[str, Any], risk: str) -> None:
    assert f"{risk}: {catalogue.escalations()[risk]['in_words']}" in grants(**request_).escalation_risks


@pytest.mark.parametrize("request_", [{"profile": "auditor"}, AS_APPLICATION])
def test_who_only_reads_has_no_way_up(request_: dict[str, Any]) -> None:
    assert grants(**request_).escalation_risks == ()


def test_two_harmless_additions_may_be_a_way_up_together(monkeypatch: pytest.MonkeyPatch) -> None:
    def change(shelf: dict[str, Any]) -> None:
        shelf["policy_templates"]["ReadLogs"]["opens"] = ["iam:PassRole"]
        shelf["managed_policies"][f"{AWS_POLICY}job-function/ViewOnlyAccess"]["opens"] = ["lambda:CreateFunction"]
        shelf["policy_templates"]["AssumeResourceCreatorRole"]["opens"] = []

    change_catalogue(monkeypatch, change)
    view = f"{AWS_POLICY}job-function/ViewOnlyAccess"
    assert grants(policies=["ReadLogs"]).escalation_risks == grants(policies=[view]).escalation_risks == ()
    (risk,) = grants(policies=["ReadLogs", view]).escalation_risks
    assert risk.startswith("pass-role-to-function: ")

"""A request is admitted with everything resolved that only the account can tell, or not at all."""

import json
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import pytest

from gatehouse import effective_grants, profiles
from gatehouse.errors import InvalidRequest, UserAlreadyExists
from gatehouse.model import Onboarding
from tests.unit.account import (
    ACCOUNT,
    APPROVER,
    AS_APPLICATION,
    BOUNDARY_PREFIX,
    USER,
    Account,
    Answer,
    event,
    make_request,
)

AWS_POLICY = "arn:aws:iam::aws:policy/"
POWER = f"{AWS_POLICY}PowerUserAccess"
VIEW = f"{AWS_POLICY}job-function/ViewOnlyAccess"
BY_HAND = "alice-joins"
HERE = effective_grants.Account.of(BOUNDARY_PREFIX)


def submit(aws: Account, *, key: str | None = None, caller: str = "requester@example.com", **request: Any) -> Answer:
    headers = {} if key is None else {"Idempotency-Key": key}
    return aws.api("submit_onboarding", make_request(**request), headers=headers, caller=caller)


def start_by_hand(aws: Account, **request: Any) -> Onboarding:
    aws.call("validate_request", event("validate_request", "console") | {"input": make_request(**request)})
    return aws.record(BY_HAND)


def through_the_api(aws: Account, **request: Any) -> Onboarding:
    answer = submit(aws, **request)
    assert answer.status == 202, answer.body
    return aws.record(answer.json["onboarding_id"])


DOORS = pytest.mark.parametrize("door", [through_the_api, start_by_hand])


def stored(aws: Account) -> list[str]:
    return [item["pk"]["S"] for item in aws.dynamodb.scan(TableName="gatehouse")["Items"]]


def bob(aws: Account, *policies: str, groups: tuple[str, ...] = (), **documents: dict[str, Any]) -> None:
    """An existing user to copy from."""
    aws.iam.create_user(UserName="bob", Path="/staff/")
    for arn in policies:
        aws.iam.attach_user_policy(UserName="bob", PolicyArn=arn)
    for group in groups:
        aws.iam.create_group(GroupName=group)
        aws.iam.add_user_to_group(GroupName=group, UserName="bob")
    for name, document in documents.items():
        aws.iam.put_user_policy(UserName="bob", PolicyName=name, PolicyDocument=json.dumps(document))


@DOORS
def test_what_a_user_has_is_copied_and_frozen(aws: Account, door: Callable[..., Onboarding]) -> None:
    bob(aws, VIEW, groups=("Auditors",))
    record = door(aws, copy_from="bob")
    assert (record.grants.groups, record.grants.managed_policies) == (("Auditors",), (VIEW,))
    assert record.approval.needed == 1
    assert len(record.grants.beyond_profile) == 2


def test_what_is_changed_in_between_changes_nothing_that_was_frozen(aws: Account) -> None:
    bob(aws, VIEW)
    record = through_the_api(aws, copy_from="bob")
    aws.iam.attach_user_policy(UserName="bob", PolicyArn=POWER)
    assert aws.record(record.onboarding_id).grants.managed_policies == (VIEW,)
    again = profiles.fingerprint({"request": dict(record.request), "grants": asdict(record.grants)})
    assert again == record.digest


def test_a_replay_after_the_copied_user_is_gone_gets_the_identical_answer(aws: Account) -> None:
    bob(aws)
    first = submit(aws, key="k", copy_from="bob")
    assert first.status == 202
    aws.iam.delete_user(UserName="bob")
    assert submit(aws, key="k", copy_from="bob") == first


def test_a_replay_after_the_chosen_password_is_gone_gets_the_identical_answer(aws: Account) -> None:
    arn = chosen(aws)
    first = submit(aws, key="k", password_secret_arn=arn)
    assert first.status == 202
    aws.secretsmanager.delete_secret(SecretId=arn, ForceDeleteWithoutRecovery=True)
    assert submit(aws, key="k", password_secret_arn=arn) == first


@DOORS
def test_what_gatehouse_gives_to_all_is_not_copied_and_in_nobody_s_way(
    aws: Account, door: Callable[..., Onboarding]
) -> None:
    end = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "*", "Resource": "*"}]}
    bob(aws, GatehouseEnd=end)
    aws.iam.add_user_to_group(GroupName="gatehouse-users", UserName="bob")
    record = door(aws, copy_from="bob")
    assert record.grants.groups == ()
    assert "GatehouseEnd" not in record.grants.inline_policies


@pytest.mark.parametrize(
    ("has", "told"),
    [
        ({"policies": (f"{AWS_POLICY}AdministratorAccess",)}, "AdministratorAccess"),
        ({"groups": ("Admins",)}, "group Admins"),
        ({"Own": {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}}, "Own"),
    ],
)
def test_what_may_not_be_copied_is_told(aws: Account, has: dict[str, Any], told: str) -> None:
    bob(aws, *has.pop("policies", ()), **has)
    answer = submit(aws, copy_from="bob")
    assert (answer.problem, answer.fields) == ((400, "invalid-request"), {"copy_from"})
    assert told in answer.json["detail"]
    assert stored(aws) == []


def test_somebody_whom_aws_quarantined_is_not_copied(aws: Account) -> None:
    aws.wire.answer(
        "ListAttachedUserPolicies",
        {"AttachedPolicies": [{"PolicyArn": f"{AWS_POLICY}AWSCompromisedKeyQuarantineV3"}], "IsTruncated": False},
    )
    bob(aws)
    assert submit(aws, copy_from="bob").fields == {"copy_from"}


def test_permissions_are_read_to_the_last_page(aws: Account) -> None:
    bob(aws)
    pages: dict[str | None, dict[str, Any]] = {
        None: {"AttachedPolicies": [], "IsTruncated": True, "Marker": "2"},
        "2": {"AttachedPolicies": [{"PolicyArn": VIEW}], "IsTruncated": False},
    }
    aws.wire.answer("ListAttachedUserPolicies", lambda asked: pages[asked.get("Marker")])
    assert through_the_api(aws, copy_from="bob").grants.managed_policies == (VIEW,)


def test_a_user_who_is_not_there_cannot_be_copied(aws: Account) -> None:
    assert submit(aws, copy_from="bob").fields == {"copy_from"}
    with pytest.raises(InvalidRequest, match=r"^copy_from must be a user that exists: there is no bob$"):
        start_by_hand(aws, copy_from="bob")
    assert stored(aws) == []


def test_nobody_is_looked_at_for_a_profile_that_copies_from_nobody(aws: Account) -> None:
    bob(aws)
    aws.wire.calls.clear()
    answer = submit(aws, profile="migration-admin", justification="x", copy_from="bob")
    assert answer.fields == {"copy_from"}
    assert "ListGroupsForUser" not in aws.wire.names()


def chosen(aws: Account, user_name: str = USER, name: str = "gatehouse-chosen-password/alice") -> str:
    tags = [{"Key": "gatehouse:user-name", "Value": user_name}]
    arn: str = aws.secretsmanager.create_secret(Name=name, SecretString="Chosen-0ne!", Tags=tags)["ARN"]
    return arn


@DOORS
def test_a_secret_with_a_chosen_password_is_accepted(aws: Account, door: Callable[..., Onboarding]) -> None:
    arn = chosen(aws)
    assert door(aws, password_secret_arn=arn).request["password_secret_arn"] == arn
    assert aws.wire.made("GetSecretValue") == []


@pytest.mark.parametrize(
    ("secret", "told"),
    [
        ({"user_name": "bob"}, f"with the tag gatehouse:user-name = {USER}"),
        ({"name": "somebody-s-own"}, "whose name begins with gatehouse-chosen-password/"),
    ],
)
def test_a_wrong_secret_is_named(aws: Account, secret: dict[str, str], told: str) -> None:
    answer = submit(aws, password_secret_arn=chosen(aws, **secret))
    assert (answer.problem, answer.fields) == ((400, "invalid-request"), {"password_secret_arn"})
    assert told in answer.json["detail"]
    assert stored(aws) == []


def test_all_that_only_the_account_can_tell_is_told_at_once(aws: Account) -> None:
    arn = f"arn:aws:secretsmanager:us-east-1:{ACCOUNT}:secret:gatehouse-chosen-password/nobody"
    assert submit(aws, copy_from="nobody", password_secret_arn=arn).fields == {"copy_from", "password_secret_arn"}


def test_who_could_approve_is_kept_with_the_record(aws: Account) -> None:
    record = through_the_api(aws, profile="power-user")
    assert record.approval.entitled == ("alma", "bob@example.com")


def test_who_is_concerned_is_not_among_those_who_could_approve(aws: Account) -> None:
    answer = submit(aws, profile="power-user", caller=APPROVER, email="someone@example.com")
    assert aws.record(answer.json["onboarding_id"]).approval.entitled == ("bob@example.com",)


@pytest.mark.parametrize(
    ("approvers", "profile", "told"),
    [
        ({"platform": [], "security": []}, "power-user", "needs 1 approvals, and only these could give one: nobody"),
        ({"platform": ["alma"], "security": ["alma"]}, "migration-admin", "needs 2 approvals.*: alma"),
        ({"platform": ["alice <alice@example.com>"]}, "power-user", "nobody"),
    ],
    ids=["nobody", "one person with two labels", "the target"],
)
def test_what_too_few_people_could_approve_is_refused(
    aws: Account, approvers: dict[str, list[str]], profile: str, told: str
) -> None:
    aws.values["Approvers"] = json.dumps(approvers)
    with pytest.raises(InvalidRequest, match=told):
        start_by_hand(aws, profile=profile, justification="x")
    answer = submit(aws, profile=profile, justification="x")
    assert (answer.problem, answer.fields) == ((400, "invalid-request"), {"profile"})
    assert stored(aws) == []


def test_what_needs_no_approval_needs_nobody_who_could_give_one(aws: Account) -> None:
    aws.values["Approvers"] = '{"platform": [], "security": []}'
    assert submit(aws).status == 202
    assert submit(aws, user_name="bea", groups=["Auditors"]).fields == {"profile"}


@DOORS
def test_an_application_is_admitted_with_its_own_boundary(aws: Account, door: Callable[..., Onboarding]) -> None:
    record = door(aws, **AS_APPLICATION, policies=["PutMetrics"])
    assert record.is_application
    assert record.grants.boundary_enrolling == record.grants.boundary_member
    assert record.grants.boundary_member.endswith("-boundary-application")
    assert set(record.grants.inline_policies) == {"ReadOwnParameters", "PutMetrics"}
    assert record.approval.needed == 1


def test_a_record_reads_back_as_it_was_written(aws: Account) -> None:
    """Otherwise what was approved and what is granted could differ."""
    record = through_the_api(aws, groups=["Auditors"], policies=["ReadLogs"], tags={"a": "b"})
    assert record.grants == profiles.review(record.request, HERE, record.created_at).grants


def test_who_asks_while_iam_is_throttled_is_admitted_all_the_same(aws: Account) -> None:
    """The step that creates the user finds out whether there is one of that name."""
    aws.iam.create_user(UserName=USER)
    aws.wire.refuse("ListUsers", "Throttling")
    record = through_the_api(aws)
    aws.wire.refuse("ListUsers", "AccessDenied")
    assert submit(aws, user_name="bea").status == 500
    aws.step("validate_request", onboarding_id=record.onboarding_id, input={"onboarding_id": record.onboarding_id})
    with pytest.raises(UserAlreadyExists):
        aws.step("create_user", onboarding_id=record.onboarding_id)

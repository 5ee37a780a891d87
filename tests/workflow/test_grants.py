"""What a request may add to its profile, read back from IAM."""

import json
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.client import Person, wait_for
from local.people import with_code
from tests.workflow import evidence, people

POLICY = "arn:aws:iam::aws:policy/"
VIEW_ONLY = f"{POLICY}job-function/ViewOnlyAccess"


@pytest.mark.parametrize(
    ("group", "policies", "waits_for_mfa"),
    [("PowerUsers", {"PowerUserAccess"}, True), ("Auditors", {"SecurityAudit", "ViewOnlyAccess"}, False)],
)
def test_a_group_of_the_catalogue_is_made_when_it_is_missing_and_joined_when_it_is_there(
    stack: dict[str, Any], group: str, policies: set[str], waits_for_mfa: bool
) -> None:
    """The row of the console's wizard: a new group `PowerUsers` with PowerUserAccess, and the user in it."""
    members = []
    for stem in ("first-in-group", "second-in-group"):
        onboarding = people.requested(stack, stem, groups=[group])
        people.awaited(onboarding, "PENDING_APPROVAL")
        people.approve(onboarding)
        people.awaited(onboarding, "PENDING_MFA")
        assert (group not in evidence.groups(onboarding)) is waits_for_mfa
        people.enrol(onboarding)
        evidence.completed(onboarding)
        assert evidence.groups(onboarding) == {"gatehouse-users", group}
        members.append(onboarding.user_name)
    found = people.root(stack, "iam").get_group(GroupName=group)
    assert found["Group"]["Path"] == "/gatehouse/"
    assert set(members) <= {user["UserName"] for user in found["Users"]}
    attached = people.root(stack, "iam").list_attached_group_policies(GroupName=group)["AttachedPolicies"]
    assert {policy["PolicyName"] for policy in attached} == policies


def test_policies_are_attached_directly_and_made_from_a_template(stack: dict[str, Any]) -> None:
    wanted = [f"{POLICY}SecurityAudit", "ReadLogs"]
    onboarding = people.requested(stack, "by-policy", "power-user", policies=wanted, permissions_boundary="one-region")
    people.awaited(onboarding, "PENDING_APPROVAL")
    people.approve(onboarding)
    people.awaited(onboarding, "PENDING_MFA")
    assert evidence.policies(onboarding) == {"GatehouseEnd"}
    people.enrol(onboarding)
    evidence.completed(onboarding)
    granted = {"PowerUserAccess", "DenyBilling", "SecurityAudit", "ReadLogs"}
    assert evidence.policies(onboarding) == {"GatehouseEnd", *granted}
    (billing,) = inline(onboarding, "DenyBilling")["Statement"]
    assert (billing["Effect"], "billing:*" in billing["Action"]) == ("Deny", True)
    (statement,) = inline(onboarding, "ReadLogs")["Statement"]
    assert (statement["Effect"], "logs:FilterLogEvents" in statement["Action"]) == ("Allow", True)


def test_whoever_goes_beyond_the_profile_needs_an_approval_that_sees_what_for(stack: dict[str, Any]) -> None:
    onboarding = people.requested(stack, "beyond", policies=[f"{POLICY}PowerUserAccess"], justification="load test")
    people.awaited(onboarding, "PENDING_APPROVAL")
    record = people.call(stack, "requester", "GET", onboarding.path).json
    assert record["approval"]["needed"] == 1
    assert {"approver@example.com", "second-approver@example.com"} <= set(record["approval"]["entitled"])
    assert record["grants"]["beyond_profile"] == [
        "policy PowerUserAccess: everything but IAM, organization and account settings",
        "policy DenyBilling: no bills, costs, budgets or payments",
    ]
    risks = {risk.split(":")[0] for risk in record["grants"]["escalation_risks"]}
    assert {"change-function-code", "read-secrets"} <= risks
    assert "pass-role-to-function" not in risks
    (mail,) = wait_for(lambda: people.mails(onboarding, "Approval wanted"), "the mail to the approvers")
    waiting = evidence.input_of(onboarding, "RequestApproval")["review"]
    for line in (
        *record["grants"]["in_words"],
        *record["grants"]["beyond_profile"],
        *record["grants"]["escalation_risks"],
    ):
        assert line in mail["text"]
        assert line in [*waiting["grants"], *waiting["beyond_profile"], *waiting["escalation_risks"]]
    assert waiting["waits_for"] == record["approval"]["entitled"]
    assert waiting["requested_by"] == "requester@example.com"
    assert "GatehouseDecide" in waiting["decide_with"]
    assert onboarding.path in waiting["decide_with"]
    people.decide(onboarding, "reject", "not for a load test")


def test_permissions_are_copied_from_a_user_as_they_were_when_it_was_asked_for(stack: dict[str, Any]) -> None:
    model = f"model-{uuid.uuid4().hex[:8]}"
    iam = people.root(stack, "iam")
    iam.create_user(UserName=model)
    iam.attach_user_policy(UserName=model, PolicyArn=VIEW_ONLY)
    onboarding = people.requested(stack, "copied", copy_from=model)
    people.awaited(onboarding, "PENDING_APPROVAL")
    # Too late: what was copied is part of what the approver sees.
    iam.attach_user_policy(UserName=model, PolicyArn=f"{POLICY}AdministratorAccess")
    people.approve(onboarding)
    people.awaited(onboarding, "PENDING_MFA")
    assert evidence.policies(onboarding) == {"AssumeResourceCreatorRole", "GatehouseEnd", "ViewOnlyAccess"}
    # Who asks now is refused, since nobody may copy an administrator.
    answer = people.call(
        stack, "requester", "POST", "/onboardings", people.wanted("copied-late", "developer", copy_from=model)
    )
    assert answer.status == 400
    assert [problem["field"] for problem in answer.json["errors"]] == ["copy_from"]
    assert "AdministratorAccess" in answer.json["errors"][0]["message"]


def test_who_copies_another_onboarded_developer_gets_just_the_same(stack: dict[str, Any]) -> None:
    first = people.requested(stack, "first")
    people.awaited(first, "PENDING_MFA")
    second = people.requested(stack, "second", copy_from=first.user_name)
    people.awaited(second, "PENDING_MFA")
    assert evidence.policies(second) == evidence.policies(first)


def test_a_start_by_hand_may_copy_and_name_a_chosen_password_too(stack: dict[str, Any]) -> None:
    model = people.requested(stack, "by-hand-model")
    people.awaited(model, "PENDING_MFA")
    request = people.wanted("by-hand-copy", "developer", copy_from=model.user_name)
    password = f"Chosen-{uuid.uuid4()}-1a"
    secret = chosen(stack, request["user_name"], password)
    name = people.start_by_hand(stack, json.dumps(request | {"password_secret_arn": secret}))
    onboarding = people.Onboarding(stack, name, request["user_name"], request["email"])
    people.awaited(onboarding, "PENDING_APPROVAL")
    people.approve(onboarding)
    people.awaited(onboarding, "PENDING_MFA")
    assert evidence.policies(onboarding) == evidence.policies(model)
    assert people.password_is(onboarding, password)


def test_a_narrower_boundary_is_set_after_mfa(stack: dict[str, Any]) -> None:
    onboarding = people.requested(stack, "narrow", permissions_boundary="one-region")
    people.awaited(onboarding, "PENDING_MFA")
    assert evidence.boundary(onboarding) == evidence.BOUNDARIES["enrolling"]
    people.enrol(onboarding)
    evidence.completed(onboarding)
    assert evidence.boundary(onboarding) == "gatehouse-boundary-member-one-region"


def test_tags_of_profile_and_request_stand_on_the_user(stack: dict[str, Any]) -> None:
    onboarding = people.requested(stack, "tagged", tags={"cost-center": "4711", "team": "data platform"})
    record = people.awaited(onboarding, "PENDING_MFA")
    tags = {tag["Key"]: tag["Value"] for tag in (evidence.user(onboarding) or {})["Tags"]}
    assert tags == {
        "cost-center": "4711",
        "team": "data platform",
        "access-level": "assumed-role",
        "gatehouse:onboarding-id": onboarding.id,
        "gatehouse:profile": "developer",
        "gatehouse:expires-at": record["request"]["expires_at"],
    }


def test_a_chosen_password_is_taken_from_the_secret_that_the_request_names(stack: dict[str, Any]) -> None:
    request = people.wanted("chosen", "developer", require_password_reset=False)
    password = f"Chosen-{uuid.uuid4()}-1a"
    secret = chosen(stack, request["user_name"], password)
    onboarding = people.submit(stack, request | {"password_secret_arn": secret})
    people.awaited(onboarding, "PENDING_MFA")
    answer = people.claim(onboarding, people.link(onboarding))
    assert (answer.json["password"], answer.json["reset_required"]) == (password, False)
    assert people.password_is(onboarding, password)
    words = people.call(stack, "requester", "GET", onboarding.path).json["grants"]["in_words"]
    assert any("chosen" in line for line in words)
    assert any("no change is forced" in line for line in words)


@pytest.mark.parametrize("wrong", ["somebody else's", "another name", "missing"])
def test_a_secret_that_is_not_for_this_user_is_refused(stack: dict[str, Any], wrong: str) -> None:
    request = people.wanted("not-chosen", "developer")
    if wrong == "somebody else's":
        secret = chosen(stack, "another.user", "Chosen-1a-Chosen")
    elif wrong == "another name":
        made = people.root(stack, "secretsmanager").create_secret(Name=f"prod/{uuid.uuid4()}", SecretString="x")
        secret = made["ARN"]
    else:
        here = f"{stack['region']}:{stack['account_id']}"
        secret = f"arn:aws:secretsmanager:{here}:secret:gatehouse-chosen-password/none-AbCdEf"
    answer = people.call(stack, "requester", "POST", "/onboardings", request | {"password_secret_arn": secret})
    assert answer.status == 400, answer.body
    assert [problem["field"] for problem in answer.json["errors"]] == ["password_secret_arn"]


def test_a_migration_administrator_is_recorded_and_ends(stack: dict[str, Any]) -> None:
    ends = (datetime.now(UTC) + timedelta(days=7)).strftime("%Y-%m-%dT%H:%M:%SZ")
    onboarding = people.requested(
        stack, "migration-admin", "migration-admin", expires_at=ends, justification="moves the data centre in Q4"
    )
    people.awaited(onboarding, "PENDING_APPROVAL")
    people.approve(onboarding)
    people.approve(onboarding, by="second_approver")
    people.awaited(onboarding, "PENDING_MFA")
    serial = people.enrol(onboarding)
    record = evidence.completed(onboarding)
    assert evidence.policies(onboarding) == {"AdministratorAccess", "GatehouseEnd"}
    assert record["request"]["justification"] == "moves the data centre in Q4"
    (end,) = inline(onboarding, "GatehouseEnd")["Statement"]
    assert (end["Effect"], end["Action"], end["Resource"]) == ("Deny", "*", "*")
    assert end["Condition"]["DateGreaterThanEquals"]["aws:CurrentTime"].startswith(ends[:-1])
    with people.signed_in(onboarding) as user:
        session = with_code(user, serial)
        people.aws(session, "s3").list_buckets()
        with pytest.raises(ClientError, match="AccessDenied"):
            people.aws(session, "iam").delete_user_policy(UserName=onboarding.user_name, PolicyName="GatehouseEnd")


def test_when_the_time_is_over_iam_itself_denies_everything(stack: dict[str, Any]) -> None:
    ends = (datetime.now(UTC) + timedelta(seconds=15)).strftime("%Y-%m-%dT%H:%M:%SZ")
    onboarding = people.requested(stack, "ends", expires_at=ends)
    people.awaited(onboarding, "PENDING_MFA")
    with people.signed_in(onboarding) as user:
        iam = people.aws(user, "iam")
        wait_for(lambda: denied(iam), "the end")
        assert datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") >= ends


def denied(iam: Any) -> bool:
    try:
        iam.get_user()
    except ClientError as error:
        return error.response["Error"]["Code"] == "AccessDenied"
    return False


def test_a_developer_with_mfa_becomes_the_role_under_the_own_name_only(stack: dict[str, Any]) -> None:
    onboarding = people.requested(stack, "assumes")
    people.awaited(onboarding, "PENDING_MFA")
    serial = people.enrol(onboarding)
    evidence.completed(onboarding)
    role = f"arn:aws:iam::{stack['account_id']}:role/gatehouse/ResourceCreatorRole"
    with people.signed_in(onboarding) as user:
        session = with_code(user, serial)
        with pytest.raises(ClientError, match="AccessDenied"):
            people.aws(user, "sts").assume_role(RoleArn=role, RoleSessionName=onboarding.user_name)
        with pytest.raises(ClientError, match="AccessDenied"):
            people.aws(session, "sts").assume_role(RoleArn=role, RoleSessionName="somebody-else")
        with pytest.raises(ClientError, match="AccessDenied"):
            people.aws(session, "s3").list_buckets()
        given = people.aws(session, "sts").assume_role(RoleArn=role, RoleSessionName=onboarding.user_name)[
            "Credentials"
        ]
    creator = Person(stack, given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])
    assert "Buckets" in people.aws(creator, "s3").list_buckets()
    with pytest.raises(ClientError, match="AccessDenied"):
        people.aws(creator, "iam").list_users()


def test_an_application_gets_a_key_a_boundary_of_its_own_and_nothing_to_sign_in_with(stack: dict[str, Any]) -> None:
    onboarding = people.requested(
        stack, "app", "application", kind="application", access=["programmatic"], policies=["PutMetrics"],
        justification="ships metrics of the shop",
    )  # fmt: skip
    people.awaited(onboarding, "PENDING_APPROVAL")
    people.approve(onboarding)
    record = evidence.completed(onboarding)
    user = evidence.user(onboarding) or {}
    assert user["Path"] == "/gatehouse/applications/"
    assert evidence.boundary(onboarding) == "gatehouse-boundary-application"
    assert evidence.policies(onboarding) == {"GatehouseEnd", "PutMetrics", "ReadOwnParameters"}
    assert not evidence.has_password(onboarding)
    assert evidence.groups(onboarding) == set()
    assert {"Key": "gatehouse:owner", "Value": onboarding.email} in user["Tags"]
    assert record["evidence"] == {"boundary": record["grants"]["boundary_member"]}
    assert "AwaitMfa" not in evidence.states(onboarding)
    answer = people.claim(onboarding, people.link(onboarding, "Your AWS access key"))
    assert evidence.access_keys(onboarding) == [answer.json["access_key_id"]]
    program = Person(stack, answer.json["access_key_id"], answer.json["secret_access_key"])
    metric = {"MetricName": "Orders", "Value": 1.0}
    people.aws(program, "cloudwatch").put_metric_data(Namespace="Shop", MetricData=[metric])
    with pytest.raises(ClientError, match="AccessDenied"):
        people.aws(program, "s3").list_buckets()


def test_an_application_that_is_rejected_leaves_nothing(stack: dict[str, Any]) -> None:
    onboarding = people.requested(
        stack, "no-app", "application", kind="application", access=["programmatic"], justification="none"
    )
    people.awaited(onboarding, "PENDING_APPROVAL")
    people.decide(onboarding, "reject", "not needed")
    evidence.undone(onboarding, "REJECTED", "REJECTED")


def inline(onboarding: people.Onboarding, name: str) -> dict[str, Any]:
    iam = people.root(onboarding.stack, "iam")
    document = iam.get_user_policy(UserName=onboarding.user_name, PolicyName=name)["PolicyDocument"]
    found: dict[str, Any] = json.loads(document) if isinstance(document, str) else document
    return found


def chosen(stack: dict[str, Any], user_name: str, password: str) -> str:
    """The ARN of a secret with a password for that user."""
    made = people.root(stack, "secretsmanager").create_secret(
        Name=f"gatehouse-chosen-password/{uuid.uuid4()}",
        SecretString=password,
        Tags=[{"Key": "gatehouse:user-name", "Value": user_name}],
    )
    arn: str = made["ARN"]
    return arn

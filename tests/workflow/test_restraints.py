"""Who has no MFA is restricted, then suspended, and gets back exactly what stood before."""

import uuid
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from gatehouse.compliance import sweeps
from gatehouse.compliance.model import Counts, Due, Finding, Kind, Mode, Sweep
from local import client, sample_sweep
from local.client import Person, wait_for
from tests.unit import shapes
from tests.unit.shapes import Shape
from tests.workflow import evidence, faults, people

AT_ONCE = replace(
    sample_sweep.RULES,
    remind_after_days=0,
    restrict_after_days=0,
    suspend_after_days=0,
    outsiders=True,
    circuit_breaker_percent=100,
)
LIST_BUCKETS = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}'


def acted_on(stack: Mapping[str, Any], action: Mode, *names: str) -> list[dict[str, Any]]:
    """What the machine's step answers for a sweep that found these users without MFA long enough for that action."""
    now, sweep_id = people.now(), str(uuid.uuid4())
    account = str(stack["state_machine_arn"]).split(":")[4]
    due = Due(action, now, now=True)
    found = [Finding(Kind.CONSOLE_WITHOUT_MFA, name, f"arn:aws:iam::{account}:user/{name}", "", now) for name in names]
    sweep = Sweep(
        sweep_id,
        account,
        now,
        now,
        AT_ONCE,
        Counts(len(names), len(names), 0, len(names), 0, {}),
        tuple(replace(one, due=due) for one in found),
    )
    settings = people.root(stack, "lambda").get_function_configuration(FunctionName="gatehouse-ActOnUsers")
    bucket = settings["Environment"]["Variables"]["COMPLIANCE_BUCKET"]
    key = sweeps.save(people.root(stack, "s3"), bucket, sweep)
    payload = {"sweep_id": sweep_id, "findings_key": key, "user_names": list(names)}
    answer: list[dict[str, Any]] = faults.invoke(stack, "ActOnUsers", payload)
    return answer


def restored(stack: Mapping[str, Any], name: str, what: str) -> list[str]:
    body = {"what": what, "reason": "called back on the known number"}
    answer = people.call(stack, "operator", "POST", f"/users/{name}/restore", body)
    assert answer.status == 200, answer.body
    put_back: list[str] = answer.json["put_back"]
    return put_back


def outsider(stack: Mapping[str, Any], stem: str, path: str = "/teams/") -> tuple[str, Person]:
    """Somebody with a password, a key and rights, who came without Gatehouse and has no MFA."""
    iam, name = people.root(stack, "iam"), f"{stem}-{uuid.uuid4().hex[:8]}"
    iam.create_user(UserName=name, Path=path, Tags=[{"Key": "email", "Value": f"{name}@example.com"}])
    iam.create_login_profile(UserName=name, Password=f"Own-{uuid.uuid4()}")
    iam.put_user_policy(UserName=name, PolicyName="work", PolicyDocument=LIST_BUCKETS)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return name, Person(stack, key["AccessKeyId"], key["SecretAccessKey"])


def works(user: Person) -> bool:
    try:
        people.aws(user, "s3").list_buckets()
    except ClientError as error:
        if error.response["Error"]["Code"] not in ("AccessDenied", "InvalidAccessKeyId", "InvalidClientTokenId"):
            raise
        return False
    return True


def subjects(stack: Mapping[str, Any], name: str) -> list[str]:
    return [mail["subject"].partition(":")[0] for mail in client.mails(stack, f"{name}@example.com")]


def test_a_restricted_user_enrols_and_is_as_before(stack: dict[str, Any]) -> None:
    name, user = outsider(stack, "restricted")
    iam = people.root(stack, "iam")
    before = shapes.picture(iam, name)
    assert works(user)
    (acted,) = acted_on(stack, Mode.RESTRICT, name)
    assert acted["outcome"] == "done", acted
    assert not works(user)
    people.enrol_device(people.aws(user, "iam"), name, f"{name}-phone")
    wait_for(lambda: shapes.picture(iam, name) == before, f"{name} as before")
    assert works(user)
    wait_for(lambda: people.row(stack, f"compliance#{name}") is None, "the case's end")
    assert subjects(stack, name) == ["Your AWS access is restricted until you enrol MFA", "Your AWS access is back"]


def a_quarter_of_an_hour_passes(stack: Mapping[str, Any], name: str) -> None:
    """So often the follow-up looks at a restricted user: make the look due."""
    people.root(stack, "dynamodb").update_item(
        TableName=stack["table_name"],
        Key={"pk": {"S": f"compliance#{name}"}},
        UpdateExpression="SET created_at = :then",
        ExpressionAttributeValues={":then": {"S": "2000-01-01T00:00:00.000000Z"}},
    )


def test_a_member_whose_device_is_gone_enrols_another_and_is_a_member_again_without_an_event(
    stack: dict[str, Any],
) -> None:
    onboarding = people.requested(stack, "lost-device")
    people.awaited(onboarding, "PENDING_MFA")
    serial = people.enrol(onboarding)
    evidence.completed(onboarding)
    iam = people.root(stack, "iam")
    before = shapes.picture(iam, onboarding.user_name)
    iam.deactivate_mfa_device(UserName=onboarding.user_name, SerialNumber=serial)
    iam.delete_virtual_mfa_device(SerialNumber=serial)
    (acted,) = acted_on(stack, Mode.RESTRICT, onboarding.user_name)
    assert acted["outcome"] == "done", acted
    boundary = shapes.picture(iam, onboarding.user_name)["user"]["PermissionsBoundary"]
    assert boundary["PermissionsBoundaryArn"].endswith("boundary-enrolling")
    with faults.no_events_of(onboarding):
        people.enrol(onboarding)
        a_quarter_of_an_hour_passes(stack, onboarding.user_name)
        faults.follow_up(stack)
        wait_for(lambda: shapes.picture(iam, onboarding.user_name) == before, f"{onboarding.user_name} as before")


def test_a_suspended_user_can_do_nothing_until_an_operator_restores_it(stack: dict[str, Any]) -> None:
    name, user = outsider(stack, "suspended", path="/")
    iam = people.root(stack, "iam")
    before = shapes.picture(iam, name)
    (acted,) = acted_on(stack, Mode.SUSPEND, name)
    assert acted["outcome"] == "done", acted
    assert not works(user)
    # A key that somebody switches on again is of no use.
    iam.update_access_key(UserName=name, AccessKeyId=user.access_key_id, Status="Active")
    assert not works(user)
    refused = people.call(stack, "requester", "POST", f"/users/{name}/restore")
    assert refused.status == 403
    assert f"access key {user.access_key_id} is active again" in restored(stack, name, "suspension")
    assert shapes.picture(iam, name) == before
    assert works(user)
    assert people.call(stack, "operator", "POST", f"/users/{name}/restore").status == 409
    assert subjects(stack, name) == ["Your AWS access is suspended", "Your AWS access is back"]


def test_a_user_who_was_made_anew_is_acted_on_as_another_one(stack: dict[str, Any]) -> None:
    name, _ = outsider(stack, "anew")
    iam = people.root(stack, "iam")
    acted_on(stack, Mode.RESTRICT, name)
    first = people.row(stack, f"compliance#{name}")
    for key in shapes.picture(iam, name)["keys"]:
        iam.delete_access_key(UserName=name, AccessKeyId=key)
    for arn in shapes.picture(iam, name)["attached"]:
        iam.detach_user_policy(UserName=name, PolicyArn=arn)
    iam.delete_user_policy(UserName=name, PolicyName="work")
    iam.delete_login_profile(UserName=name)
    iam.delete_user(UserName=name)
    shapes.make(iam, name, Shape(path="/", boundary=None), "arn:aws:iam::000000000000:policy/gatehouse/gatehouse-")
    assert people.call(stack, "operator", "POST", f"/users/{name}/restore").status == 409
    acted_on(stack, Mode.RESTRICT, name)
    second = people.row(stack, f"compliance#{name}")
    assert first
    assert second
    assert first["user_id"] != second["user_id"]


# Users under Gatehouse's path without its guard are none that other stories could bear: those are in the unit tests.
SOME = (
    Shape(),
    Shape(boundary="boundary-member-one-region", keys=(True, False), policies=9, tags={"team": "x@example.com"}),
    Shape(boundary="boundary-enrolling", keys=(True, True), inline=True, groups=2),
    Shape(path="/", boundary=None, keys=(False,), policies=1, quarantined=True),
    Shape(path="/", boundary="foreign", policies=3, groups=1),
    Shape(path="/", boundary=None, keys=(True, True), policies=8, quarantined=True, inline=True),
    Shape(path="/teams/data/", boundary="foreign", keys=(False, False), groups=3),
    Shape(path="/", boundary="boundary-member", keys=(True,)),
)


@pytest.mark.parametrize("what", ["restriction", "suspension"])
def test_users_of_many_shapes_are_put_back_exactly(stack: dict[str, Any], what: str) -> None:
    iam = people.root(stack, "iam")
    prefix = iam.get_group(GroupName="gatehouse-users")["Group"]["Arn"].replace(
        "group/gatehouse/gatehouse-users", "policy/"
    )
    shapes.prepare(iam)
    names = [f"shape-{number}-{uuid.uuid4().hex[:8]}" for number in range(len(SOME))]
    for name, shape in zip(names, SOME, strict=True):
        shapes.make(iam, name, shape, f"{prefix}gatehouse/gatehouse-")
    before = {name: shapes.picture(iam, name) for name in names}
    acted = acted_on(stack, Mode.RESTRICT if what == "restriction" else Mode.SUSPEND, *names)
    assert {one["outcome"] for one in acted} == {"done"}, acted
    for name in names:
        assert shapes.picture(iam, name) != before[name]
        restored(stack, name, what)
        assert shapes.picture(iam, name) == before[name]

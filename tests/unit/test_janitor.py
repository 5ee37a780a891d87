"""Janitor: what no onboarding explains is found; residue is removed, and who may be alive is told to people only."""

import io
import json
from contextlib import nullcontext
from datetime import timedelta
from typing import Any

import pytest
from moto.iam.models import iam_backends
from moto.secretsmanager.models import secretsmanager_backends

from gatehouse import records, teardown, times
from gatehouse.edges.janitor import MEMORY, JanitorIncomplete
from gatehouse.errors import UserLives
from gatehouse.model import ENDED, OPEN, Onboarding, Status, TimelineEntry
from tests.unit.account import (
    ACCOUNT,
    APPLICATION,
    AS_APPLICATION,
    ENROLLING,
    MEMBER,
    NOW,
    ONBOARDING_ID,
    REGION,
    USER,
    Account,
    event,
)

CHANGING = ("Create", "Delete", "Put", "Update", "Transact", "Send", "Invoke", "Tag", "Untag", "Deactivate", "Remove")
HOUR = 3_600


def record(aws: Account, status: Status, **described: Any) -> Onboarding:
    """A record without a lock: most have ended."""
    made = aws.seed(status, **described)
    aws.dynamodb.delete_item(TableName="gatehouse", Key={"pk": {"S": records.lock_key(made.user_name)}})
    return made


def user(
    aws: Account,
    name: str = USER,
    onboarding_id: str | None = ONBOARDING_ID,
    *,
    boundary: str = ENROLLING,
    path: str = "/gatehouse/",
    made_after: float = 0,
) -> None:
    """A user who was made so many seconds after the record."""
    tags = [{"Key": "gatehouse:onboarding-id", "Value": onboarding_id}] if onboarding_id else []
    aws.iam.create_user(UserName=name, Path=path, PermissionsBoundary=boundary, Tags=tags)
    made = times.parse(NOW) + timedelta(seconds=made_after)
    iam_backends[ACCOUNT]["aws"].users[name].create_date = made.replace(tzinfo=None)


def secret(aws: Account, name: str, onboarding_id: str | None = ONBOARDING_ID, *, age: float = 0) -> None:
    tags = [{"Key": "gatehouse:onboarding-id", "Value": onboarding_id}] if onboarding_id else []
    aws.secretsmanager.create_secret(Name=name, SecretString="x", Tags=tags)
    vars(secretsmanager_backends[ACCOUNT][REGION].secrets[name])["created_date"] = times.parse(NOW).timestamp() - age


def device(aws: Account, name: str) -> str:
    made = aws.iam.create_virtual_mfa_device(VirtualMFADeviceName=name)
    return str(made["VirtualMFADevice"]["SerialNumber"])


def looked(aws: Account) -> dict[str, str]:
    """What a dry run finds, and what would become of each."""
    answer = aws.call("janitor", event("janitor", "dry_run"))
    assert answer["not_looked_at"] == []
    return {f"{one['kind']} {one['name']}": one["outcome"] for one in answer["found"]}


def run(aws: Account) -> dict[str, str]:
    return {f"{one['kind']} {one['name']}": one["outcome"] for one in aws.step("janitor")["found"]}


def asked(aws: Account) -> list[Any]:
    """What RollBack was asked for."""
    return [json.loads(one["Payload"]) for one in aws.wire.made("Invoke")]


def residue_of_everything(aws: Account) -> None:
    record(aws, Status.FAILED)
    user(aws)
    secret(aws, f"gatehouse/{ONBOARDING_ID}/password/1")
    device(aws, "phone")
    aws.table.transact(aws.table.putting(lock("nobody", "an-onboarding-without-a-record")))


def lock(name: str, onboarding_id: str) -> dict[str, Any]:
    return {"pk": records.lock_key(name), "onboarding_id": onboarding_id, "entity": records.LOCK, "created_at": NOW}


def test_a_dry_run_tells_of_everything_and_changes_nothing(aws: Account) -> None:
    residue_of_everything(aws)
    aws.wire.clear()
    assert looked(aws) == {
        f"user {USER}": "would be removed",
        f"secret gatehouse/{ONBOARDING_ID}/password/1": "would be removed",
        f"device arn:aws:iam::{ACCOUNT}:mfa/phone": "waits until 3 March 2026, 09:00 UTC",
        "lock nobody": "would be removed",
    }
    assert [name for name in aws.wire.names() if name.startswith(CHANGING)] == []


def test_a_run_removes_what_provably_is_residue(aws: Account) -> None:
    residue_of_everything(aws)
    run(aws)
    aws.iam.delete_user(UserName=USER)
    aws.clock.advance(24 * HOUR)
    assert run(aws) == {f"device arn:aws:iam::{ACCOUNT}:mfa/phone": "removed"}
    assert asked(aws)[0] == {"onboarding_id": ONBOARDING_ID, "left_behind": USER}
    assert aws.secretsmanager.list_secrets()["SecretList"] == []
    assert aws.iam.list_virtual_mfa_devices()["VirtualMFADevices"] == []
    assert records.holder(aws.table, "nobody") is None


def test_what_it_asks_roll_back_for_is_what_roll_back_does(aws: Account) -> None:
    record(aws, Status.FAILED)
    user(aws, "renamed")
    aws.iam.create_login_profile(UserName="renamed", Password="Somebody-3lse!")
    run(aws)
    aws.call("roll_back", asked(aws)[0])
    assert aws.user("renamed") is None
    assert aws.record().timeline[-1].event == "left_behind_removed"
    assert aws.record().status is Status.FAILED


@pytest.mark.parametrize("status", sorted(OPEN | {Status.COMPLETE}))
def test_a_user_whose_onboarding_is_under_way_or_complete_is_never_touched(aws: Account, status: Status) -> None:
    aws.seed(status)
    user(aws, made_after=-10_000_000)
    secret(aws, f"gatehouse/{ONBOARDING_ID}/password/1")
    assert run(aws) == ({"lock alice.developer": "removed"} if status is Status.COMPLETE else {})
    assert asked(aws) == []
    assert aws.call("roll_back", {"onboarding_id": ONBOARDING_ID, "left_behind": USER})
    assert aws.user() is not None


@pytest.mark.parametrize("status", sorted(ENDED))
def test_a_user_of_an_onboarding_that_ended_without_one_is_residue(aws: Account, status: Status) -> None:
    record(aws, status)
    user(aws)
    assert run(aws) == {f"user {USER}": "being removed"}


@pytest.mark.parametrize(
    ("onboarding_id", "made_after", "boundary"),
    [
        (None, 0, ENROLLING),
        ("there-is-no-record-of-it", 0, ENROLLING),
        ("no id at all, but words", 0, ENROLLING),
        (ONBOARDING_ID, -teardown.CLOCKS - 1, ENROLLING),
        (ONBOARDING_ID, teardown.CLOCKS + 1, ENROLLING),
        (ONBOARDING_ID, 0, MEMBER),
    ],
    ids=["by hand", "no record", "a strange tag", "made before it", "made after it", "enrolled"],
)
def test_whoever_may_be_alive_is_told_to_people_and_stays(
    aws: Account, onboarding_id: str | None, made_after: float, boundary: str
) -> None:
    record(aws, Status.FAILED)
    user(aws, onboarding_id=onboarding_id, made_after=made_after, boundary=boundary)
    before = aws.user()
    assert run(aws) == {f"user {USER}": "left to a person"}
    assert asked(aws) == []
    with pytest.raises(UserLives) if onboarding_id == ONBOARDING_ID else nullcontext():
        aws.call("roll_back", {"onboarding_id": ONBOARDING_ID, "left_behind": USER})
    assert aws.user() == before


def test_a_user_of_whose_completion_the_record_knows_was_only_half_made(aws: Account) -> None:
    begun = (TimelineEntry(NOW, "complete_onboarding", "gatehouse"),)
    record(aws, Status.FAILED, record={"timeline": begun})
    user(aws, boundary=MEMBER)
    assert run(aws) == {f"user {USER}": "being removed"}


def test_users_elsewhere_are_none_of_its_business(aws: Account) -> None:
    record(aws, Status.FAILED)
    user(aws, path="/")
    user(aws, "bob", path="/gatehouse-admins/")
    assert run(aws) == {}


def test_a_user_who_is_still_there_after_an_earlier_run_fails_the_run(aws: Account) -> None:
    record(aws, Status.FAILED)
    user(aws)
    run(aws)
    aws.clock.advance(HOUR)
    with pytest.raises(JanitorIncomplete, match="1 of 1"):
        aws.step("janitor")
    assert asked(aws) == [{"onboarding_id": ONBOARDING_ID, "left_behind": USER}] * 2


def test_a_user_who_disappears_meanwhile_is_no_fault(aws: Account) -> None:
    record(aws, Status.FAILED)
    aws.call("roll_back", {"onboarding_id": ONBOARDING_ID, "left_behind": USER})
    assert aws.record().timeline == ()


PASSWORDS: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("an application", AS_APPLICATION, {"boundary": APPLICATION, "path": "/gatehouse/applications/"}),
    ("keys only", {"access": ["programmatic"]}, {"boundary": MEMBER}),
    ("another boundary", {}, {"boundary": APPLICATION}),
]


@pytest.mark.parametrize(("request_", "made"), [case[1:] for case in PASSWORDS], ids=[case[0] for case in PASSWORDS])
def test_a_password_that_nobody_should_have_is_told_and_not_taken(
    aws: Account, request_: dict[str, Any], made: dict[str, Any]
) -> None:
    record(aws, Status.COMPLETE, **request_)
    name = request_.get("user_name", USER)
    user(aws, name, **made)
    assert run(aws) == {}
    aws.iam.create_login_profile(UserName=name, Password="Somebody-3lse!")
    assert run(aws) == {f"password {name}": "left to a person"}
    assert aws.password(name)


def test_whoever_was_granted_the_console_has_a_password(aws: Account) -> None:
    record(aws, Status.COMPLETE)
    user(aws, boundary=MEMBER)
    aws.iam.create_login_profile(UserName=USER, Password="Somebody-3lse!")
    assert run(aws) == {}
    assert aws.wire.made("GetLoginProfile") == []


@pytest.mark.parametrize(
    ("status", "claims", "age", "outcome"),
    [
        (Status.EXPIRED, {}, 0, "removed"),
        (Status.PENDING_MFA, {}, 10 * HOUR, None),
        (Status.COMPLETE, {}, HOUR, "removed"),
        (Status.COMPLETE, {}, HOUR - 1, None),
        (Status.COMPLETE, {"access_key": "hash"}, 10 * HOUR, None),
        (None, {}, HOUR, "removed"),
        (None, {}, HOUR - 1, None),
    ],
)
def test_a_secret_goes_once_nobody_can_claim_it(
    aws: Account, status: Status | None, claims: dict[str, str], age: float, outcome: str | None
) -> None:
    if status:
        record(aws, status, record={"claims": claims})
    name = f"gatehouse/{ONBOARDING_ID}/access-key/2"
    secret(aws, name, age=age)
    assert run(aws).get(f"secret {name}") == outcome
    assert bool(aws.secretsmanager.list_secrets()["SecretList"]) is (outcome is None)


@pytest.mark.parametrize(
    ("name", "onboarding_id"),
    [
        (f"gatehouse/{ONBOARDING_ID}/password/1", None),
        (f"gatehouse/{ONBOARDING_ID}/password/1", "another"),
        (f"gatehouse/{ONBOARDING_ID}/database", ONBOARDING_ID),
        ("gatehouse/database", ONBOARDING_ID),
    ],
)
def test_a_secret_that_only_looks_like_one_of_ours_is_told_and_stays(
    aws: Account, name: str, onboarding_id: str | None
) -> None:
    record(aws, Status.FAILED)
    secret(aws, name, onboarding_id, age=100 * HOUR)
    assert run(aws) == {f"secret {name}": "left to a person"}
    assert aws.secretsmanager.get_secret_value(SecretId=name)


def test_secrets_elsewhere_are_none_of_its_business(aws: Account) -> None:
    record(aws, Status.FAILED)
    for name in ("gatehouse-chosen-password/alice", "Gatehouse/database", f"team/gatehouse/{ONBOARDING_ID}/password/1"):
        secret(aws, name, age=100 * HOUR)
    assert run(aws) == {}


def test_a_device_that_somebody_is_about_to_enrol_is_never_taken(aws: Account) -> None:
    serial = device(aws, "phone")
    aws.clock.advance(100 * HOUR)
    assert run(aws)[f"device {serial}"].startswith("waits until")
    aws.clock.advance(24 * HOUR - 1)
    assert run(aws)[f"device {serial}"].startswith("waits until")
    aws.clock.advance(1)
    assert run(aws) == {f"device {serial}": "removed"}


def test_a_device_that_had_an_owner_meanwhile_waits_anew(aws: Account) -> None:
    aws.iam.create_user(UserName="bob")
    serial = device(aws, "phone")
    run(aws)
    codes = {"AuthenticationCode1": "123456", "AuthenticationCode2": "654321"}
    aws.iam.enable_mfa_device(UserName="bob", SerialNumber=serial, **codes)
    assert run(aws) == {}
    aws.iam.deactivate_mfa_device(UserName="bob", SerialNumber=serial)
    iam_backends[ACCOUNT]["aws"].virtual_mfa_devices[serial].enable_date = None
    aws.clock.advance(24 * HOUR)
    assert run(aws)[f"device {serial}"].startswith("waits until")


def test_a_device_that_somebody_enrols_at_the_last_moment_stays(aws: Account) -> None:
    serial = device(aws, "phone")
    run(aws)
    aws.clock.advance(24 * HOUR)
    aws.wire.refuse("DeleteVirtualMFADevice", "DeleteConflict", status=409)
    assert run(aws) == {f"device {serial}": "removed"}
    assert aws.iam.list_virtual_mfa_devices()["VirtualMFADevices"]


@pytest.mark.parametrize("status", sorted(Status))
def test_a_name_is_held_as_long_as_its_onboarding_is_open(aws: Account, status: Status) -> None:
    aws.seed(status)
    run(aws)
    assert records.holder(aws.table, USER) == (ONBOARDING_ID if status in OPEN else None)


def test_a_name_that_another_onboarding_took_meanwhile_stays_taken(aws: Account) -> None:
    aws.table.transact(aws.table.putting(lock(USER, "gone")))
    taken = aws.table.putting(lock(USER, "another"))
    aws.wire.first("TransactWriteItems", lambda: aws.table.transact(taken))
    with pytest.raises(JanitorIncomplete):
        aws.step("janitor")
    assert records.holder(aws.table, USER) == "another"


def test_a_name_for_which_an_open_record_does_not_ask_is_told(aws: Account) -> None:
    aws.seed(Status.PENDING_MFA)
    aws.table.transact(aws.table.putting(lock("somebody-else", ONBOARDING_ID)))
    assert run(aws) == {"lock somebody-else": "left to a person"}


def test_operators_hear_once_of_what_is_left_to_them(aws: Account) -> None:
    user(aws, "by-hand", None)
    device(aws, "phone")
    run(aws)
    run(aws)
    [mail] = aws.mails()
    assert mail["to"] == ["olga@example.com", "otto@example.com"]
    assert mail["subject"] == "Look at this: 1 that no onboarding explains"
    for said in (mail["text"], mail["html"]):
        assert "by-hand" in said
        assert "somebody made it by hand" in said
        assert "phone" not in said


def test_a_mail_that_fails_keeps_nothing_from_being_done(aws: Account) -> None:
    residue_of_everything(aws)
    user(aws, "by-hand", None)
    aws.wire.refuse("SendEmail", "MessageRejected")
    run(aws)
    assert records.holder(aws.table, "nobody") is None


def test_one_look_that_fails_stops_no_other_and_forgets_nothing(aws: Account, log: io.StringIO) -> None:
    serial = device(aws, "phone")
    run(aws)
    aws.table.transact(aws.table.putting(lock("nobody", "gone")))
    aws.wire.refuse("ListVirtualMFADevices", "AccessDenied", status=403)
    aws.clock.advance(HOUR)
    with pytest.raises(JanitorIncomplete, match="devices"):
        aws.step("janitor")
    assert records.holder(aws.table, "nobody") is None
    assert "ListVirtualMFADevices" in log.getvalue()
    aws.clock.advance(23 * HOUR)
    assert run(aws) == {f"device {serial}": "removed"}


def test_a_dry_run_says_what_it_could_not_look_at(aws: Account) -> None:
    aws.wire.refuse("ListSecrets", "AccessDenied", status=403)
    assert aws.call("janitor", event("janitor", "dry_run")) == {"found": [], "not_looked_at": ["secrets"]}


def test_a_removal_that_fails_stops_no_other_and_is_tried_again(aws: Account) -> None:
    residue_of_everything(aws)
    aws.wire.refuse("DeleteSecret", "AccessDenied", status=403)
    with pytest.raises(JanitorIncomplete, match="1 of 4"):
        aws.step("janitor")
    assert records.holder(aws.table, "nobody") is None
    aws.iam.delete_user(UserName=USER)
    assert run(aws)[f"secret gatehouse/{ONBOARDING_ID}/password/1"] == "removed"
    assert aws.secretsmanager.list_secrets()["SecretList"] == []


def test_two_runs_at_once_do_no_harm(aws: Account) -> None:
    residue_of_everything(aws)
    run(aws)
    aws.clock.advance(24 * HOUR)
    secret(aws, f"gatehouse/{ONBOARDING_ID}/password/1")
    aws.table.transact(aws.table.putting(lock("nobody", "gone")))
    aws.iam.delete_user(UserName=USER)
    aws.wire.first("DeleteSecret", lambda: aws.step("janitor"))
    assert "removed" in run(aws).values()
    assert looked(aws) == {}


def test_every_run_is_counted(aws: Account, capsys: pytest.CaptureFixture[str]) -> None:
    user(aws, "by-hand", None)
    device(aws, "phone")
    run(aws)
    [line] = [json.loads(line) for line in capsys.readouterr().out.splitlines() if '"_aws"' in line]
    assert (line["OrphansFound"], line["OrphansLeft"]) == ([2.0], [1.0])


def test_it_remembers_what_it_sees_and_nothing_else(aws: Account) -> None:
    serial = device(aws, "phone")
    run(aws)
    assert (aws.table.get(MEMORY) or {})["seen"] == {f"device {serial}": NOW}
    aws.iam.delete_virtual_mfa_device(SerialNumber=serial)
    run(aws)
    assert (aws.table.get(MEMORY) or {})["seen"] == {}

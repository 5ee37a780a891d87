"""The janitor finds in the account what no onboarding explains, and touches nobody who may be alive."""

from typing import Any

from gatehouse import times
from local import client, deploy, janitor
from local.client import wait_for
from tests.workflow import evidence, faults, people


def test_residue_is_found_told_and_removed_and_nothing_else(stack: dict[str, Any]) -> None:
    iam = people.root(stack, "iam")
    member = people.requested(stack, "living-member", access=["programmatic"])
    people.awaited(member, "PENDING_MFA")
    people.enrol(member)
    before = _state_of(member, evidence.completed(member))

    # The record says that it ended, and everything is there: as after a roll-back that saw nothing of it.
    failed = people.requested(stack, "left-behind")
    people.awaited(failed, "PENDING_MFA")
    claim = evidence.record(failed)["claims"]["password"]
    faults.rewrite(failed, status="FAILED", claims={})
    people.root(stack, "stepfunctions").stop_execution(executionArn=failed.execution_arn)
    made = iam.create_virtual_mfa_device(VirtualMFADeviceName=f"abandoned-{failed.user_name}")
    device = made["VirtualMFADevice"]["SerialNumber"]
    by_hand = f"by-hand-{failed.user_name}"
    bound = iam.get_user(UserName=member.user_name)["User"]["PermissionsBoundary"]["PermissionsBoundaryArn"]
    iam.create_user(UserName=by_hand, Path="/gatehouse/", PermissionsBoundary=bound)
    planted = {
        f"user {failed.user_name}": "would be removed",
        f"secret gatehouse/{failed.id}/password/1": "would be removed",
        f"lock {failed.user_name}": "would be removed",
        f"device {device}": "waits until",
        f"user {by_hand}": "left to a person",
    }
    about = (failed.id, failed.user_name, member.id, member.user_name)

    try:
        told = _looked(stack, about)
        assert told.keys() == planted.keys()
        assert all(told[key].startswith(outcome) for key, outcome in planted.items())
        assert evidence.user(failed)
        assert evidence.is_locked(failed)
        assert evidence.secrets(failed)

        faults.invoke(stack, "Janitor", {"source": "aws.events"})
        wait_for(lambda: evidence.timeline(failed)[-1] == "left_behind_removed", "the roll-back that it asked for")
        assert _looked(stack, about).keys() == {f"device {device}", f"user {by_hand}"}
        assert evidence.user(failed) is None
        assert not evidence.is_locked(failed)
        assert evidence.secrets(failed) == []
        _seen_long_ago(stack, f"device {device}")
        faults.invoke(stack, "Janitor", {"source": "aws.events"})
        assert _looked(stack, about).keys() == {f"user {by_hand}"}
        assert evidence.devices(failed) == []

        # A claim without a record that knows it is the follow-up's.
        faults.is_due(stack, claim)
        faults.invoke(stack, "ExpireClaim", {"claim": claim})
        assert evidence.open_claims(failed) == []

        assert iam.get_user(UserName=by_hand)
        assert evidence.record(failed)["status"] == "FAILED"
        assert _state_of(member, evidence.completed(member)) == before
        [mail] = [one for one in client.mails(stack, "operator@example.com") if by_hand in one["text"]]
        assert mail["subject"].startswith("Look at this")
    finally:
        iam.delete_user(UserName=by_hand)


def _looked(stack: dict[str, Any], about: tuple[str, ...]) -> dict[str, str]:
    """What a dry run says of this story's own, asked for by the operator: other stories leave things behind as well."""
    functions = people.aws(people.person(stack, "operator"), "lambda")
    said = janitor.ask(functions, deploy.STACK)
    assert said["not_looked_at"] == []
    assert janitor.table(said["found"]).count("\n") == len(said["found"])
    found = {f"{one['kind']} {one['name']}": one["outcome"] for one in said["found"]}
    return {key: outcome for key, outcome in found.items() if any(own in key for own in about)}


def _state_of(member: people.Onboarding, record: dict[str, Any]) -> list[Any]:
    user = evidence.user(member)
    return [record, user, evidence.policies(member), evidence.groups(member), evidence.access_keys(member)]


def _seen_long_ago(stack: dict[str, Any], finding: str) -> None:
    """Let the janitor have seen this one for days; what other stories make and enrol meanwhile it has not."""
    people.root(stack, "dynamodb").update_item(
        TableName=stack["table_name"],
        Key={"pk": {"S": "janitor"}},
        UpdateExpression="SET seen.#finding = :then",
        ExpressionAttributeNames={"#finding": finding},
        ExpressionAttributeValues={":then": {"S": times.after(people.now(), -48 * 3600)}},
    )

"""What would be lost outlives the stack; what could not be delivered waits somewhere."""

from typing import Any

import pytest

from gatehouse import iam_users
from tests.wiring.template import functions, of_type, template

RETAINED = {
    # evidence
    "Table",
    "ComplianceBucket",
    # what encrypts the secrets of open claims
    "SecretsKey",
    # without them every call of a user who carries one would fail
    "BoundaryEnrolling",
    "BoundaryMember",
    "BoundaryMemberOneRegion",
    "BoundaryRole",
    "BoundaryApplication",
    # what members may do for themselves
    "SelfService",
    "GatehouseUsersGroup",
    # what restricted and suspended users have attached: nobody's restriction ends with the stack
    "Restricted",
    "Suspended",
}


def test_data_and_guards_outlive_the_stack_and_nothing_else_does() -> None:
    resources = template()["Resources"]
    assert {name for name, one in resources.items() if one.get("DeletionPolicy") == "Retain"} == RETAINED
    assert {name for name, one in resources.items() if one.get("UpdateReplacePolicy") == "Retain"} == RETAINED


def test_every_table_is_retained() -> None:
    assert set(of_type("AWS::DynamoDB::Table")) <= RETAINED


def test_the_table_forgets_garbage_and_can_be_restored() -> None:
    table = of_type("AWS::DynamoDB::Table")["Table"]["Properties"]
    assert table["BillingMode"] == "PAY_PER_REQUEST"
    assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert table["TimeToLiveSpecification"] == {"AttributeName": "ttl", "Enabled": True}
    assert "SSESpecification" not in table


def test_indexes_hold_keys_only() -> None:
    indexes = of_type("AWS::DynamoDB::Table")["Table"]["Properties"]["GlobalSecondaryIndexes"]
    assert {index["Projection"]["ProjectionType"] for index in indexes} == {"KEYS_ONLY"}


def test_the_group_of_the_template_is_the_one_that_users_join() -> None:
    group = template()["Resources"]["GatehouseUsersGroup"]["Properties"]
    assert (group["GroupName"], group["Path"]) == (iam_users.MEMBERS_GROUP, iam_users.PATH)


def events() -> list[tuple[str, dict[str, Any]]]:
    found = []
    for function in functions().values():
        described = template()["Resources"][function.logical_id]["Properties"]
        found += [(function.stem, event) for event in described.get("Events", {}).values()]
    return [(stem, event) for stem, event in found if event["Type"] != "Api"]


@pytest.mark.parametrize(("stem", "event"), events(), ids=[stem for stem, _ in events()])
def test_an_event_that_cannot_be_delivered_waits_in_the_dead_letter_queue(stem: str, event: dict[str, Any]) -> None:
    assert event["Properties"]["DeadLetterConfig"] == {"Arn": {"Fn::GetAtt": ["DeadLetterQueue", "Arn"]}}


@pytest.mark.parametrize("stem", [*(stem for stem, _ in events()), "roll_back", "lift_restriction"])
def test_a_function_that_nobody_waits_for_leaves_its_failures_there_too(stem: str) -> None:
    described = template()["Resources"][functions()[stem].logical_id]["Properties"]
    failures = described["EventInvokeConfig"]["DestinationConfig"]["OnFailure"]
    assert failures == {"Type": "SQS", "Destination": {"Fn::GetAtt": ["DeadLetterQueue", "Arn"]}}


def test_every_function_is_traced_and_runs_on_the_runtime_that_is_built_for() -> None:
    shared = template()["Globals"]["Function"]
    assert (shared["Runtime"], shared["Architectures"]) == ("python3.13", ["arm64"])
    assert shared["Tracing"] == "Active"
    own = {"Runtime", "Architectures", "Tracing", "CodeUri"}
    assert not [one for one in of_type("AWS::Serverless::Function").values() if own & set(one["Properties"])]


def test_the_watcher_hears_of_every_end_but_a_good_one() -> None:
    pattern = dict(events())["execution_ended"]["Properties"]["Pattern"]
    assert pattern["detail"]["status"] == ["ABORTED", "FAILED", "TIMED_OUT"]


def test_the_machine_hears_of_enrolments_that_took_place() -> None:
    detail = dict(events())["mfa_device_enabled"]["Properties"]["Pattern"]["detail"]
    assert detail["eventName"] == ["EnableMFADevice"]
    assert detail["errorCode"] == [{"exists": False}]

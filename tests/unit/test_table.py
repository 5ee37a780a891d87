"""The table in plain Python values, and what a write that loses says."""

import json

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from gatehouse import table as tables
from gatehouse.clients import client
from gatehouse.errors import TransientFault
from gatehouse.table import Expression, Table
from tests.unit.account import STACK, Account

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(min_size=1, max_size=8), inner, max_size=3),
    max_leaves=8,
)


@pytest.fixture
def table(aws: Account) -> Table:
    return Table(client("dynamodb"), STACK)


def put(table: Table, item: dict[str, object]) -> None:
    table.transact(table.putting(item))


@given(st.dictionaries(st.text(min_size=1, max_size=8), VALUES, max_size=5))
def test_whatever_json_holds_comes_back_as_it_was(item: dict[str, object]) -> None:
    written = Table(client("dynamodb"), STACK).putting(item)["Put"]["Item"]
    read = tables._plain(written)
    assert read == item
    # A Decimal would be equal to a whole number, and yet be nothing that JSON knows.
    assert json.loads(json.dumps(read)) == json.loads(json.dumps(item))


def test_tuples_come_back_as_lists(table: Table) -> None:
    put(table, {"pk": "a", "names": ("x", "y"), "nested": {"pair": (1, 2)}})
    assert table.get("a") == {"pk": "a", "names": ["x", "y"], "nested": {"pair": [1, 2]}}


def test_what_is_not_there_is_none(table: Table) -> None:
    assert table.get("nobody") is None


def test_reads_are_consistent(aws: Account, table: Table) -> None:
    table.get("a")
    table.get_many(["a"])
    assert aws.wire.made("GetItem")[0]["ConsistentRead"]
    assert aws.wire.made("BatchGetItem")[0]["RequestItems"][STACK]["ConsistentRead"]


def test_many_items_come_by_key_and_missing_ones_are_left_out(table: Table) -> None:
    for key in ("a", "b"):
        put(table, {"pk": key, "of": key})
    assert table.get_many(["a", "b", "nobody"]) == {"a": {"pk": "a", "of": "a"}, "b": {"pk": "b", "of": "b"}}
    assert table.get_many([]) == {}


def test_keys_that_were_not_processed_are_asked_for_again(aws: Account, table: Table) -> None:
    put(table, {"pk": "a"})
    unprocessed = {STACK: {"Keys": [{"pk": {"S": "a"}}], "ConsistentRead": True}}
    aws.wire.turns["BatchGetItem"] = [lambda _: {"Responses": {}, "UnprocessedKeys": unprocessed}]
    assert table.get_many(["a"]) == {"a": {"pk": "a"}}


def test_an_update_sets_paths_expressions_and_removes_at_once(table: Table) -> None:
    put(table, {"pk": "a", "map": {"kept": 1}, "list": ["x"], "status": "old", "gone": True})
    changed = table.update(
        "a",
        sets={"map.added": "new", "list": Expression("list_append(#list, :more)"), "status": "fresh"},
        removes=("gone",),
        only_if="#status = :old",
        more=["y"],
        old="old",
    )
    assert changed == {"pk": "a", "map": {"kept": 1, "added": "new"}, "list": ["x", "y"], "status": "fresh"}


def test_an_update_may_only_remove(table: Table) -> None:
    put(table, {"pk": "a", "gone": True})
    assert table.update("a", sets={}, removes=("gone",)) == {"pk": "a"}


def test_a_write_whose_condition_fails_changes_nothing_and_shows_what_stood_before(table: Table) -> None:
    put(table, {"pk": "a", "status": "old"})
    with pytest.raises(table.ConditionFailed) as failure:
        table.update("a", sets={"status": "new"}, only_if="#status = :other", other="other")
    assert table.stood_before(failure.value) == {"pk": "a", "status": "old"}
    with pytest.raises(table.ConditionFailed) as failure:
        table.update("nobody", sets={"status": "new"}, only_if="attribute_exists(#status)")
    assert table.stood_before(failure.value) is None
    assert table.get("a") == {"pk": "a", "status": "old"}


def test_a_transaction_writes_all_or_nothing(table: Table) -> None:
    for key in ("there", "too"):
        put(table, {"pk": key})
    with pytest.raises(table.TransactionCancelled):
        table.transact(
            table.putting({"pk": "new"}),
            table.updating("too", sets={"touched": True}),
            table.putting({"pk": "there"}, only_if="attribute_not_exists(pk)"),
        )
    assert table.get("new") is None
    assert table.get("too") == {"pk": "too"}
    table.transact(
        table.putting({"pk": "new"}, only_if="attribute_not_exists(pk) OR pk = :pk", pk="new"),
        table.deleting("there", "attribute_exists(pk)"),
    )
    assert table.get("new") == {"pk": "new"}
    assert table.get("there") is None


def test_a_deletion_may_have_a_condition(table: Table) -> None:
    put(table, {"pk": "a", "onboarding_id": "x"})
    with pytest.raises(table.TransactionCancelled):
        table.transact(table.deleting("a", "onboarding_id = :own", own="y"))
    table.transact(table.deleting("a", "onboarding_id = :own", own="x"))
    assert table.get("a") is None


def refused_for(*codes: str) -> dict[str, object]:
    reasons = [{"Code": code} for code in codes]
    error = {"Code": "TransactionCanceledException", "Message": "Transaction cancelled"}
    return {"Error": error, "CancellationReasons": reasons, "ResponseMetadata": {"HTTPStatusCode": 400}}


@pytest.mark.parametrize("codes", [("None", "TransactionConflict"), ("ThrottlingError", "None")])
def test_a_transaction_that_met_another_write_is_a_transient_fault(
    aws: Account, table: Table, codes: tuple[str, ...]
) -> None:
    aws.wire.turns["TransactWriteItems"] = [lambda _: refused_for(*codes)]
    with pytest.raises(TransientFault, match="TransactWriteItems"):
        table.transact(table.putting({"pk": "a"}))


def test_a_condition_that_failed_counts_before_a_conflict(aws: Account, table: Table) -> None:
    answer = refused_for("TransactionConflict", "ConditionalCheckFailed")
    aws.wire.turns["TransactWriteItems"] = [lambda _: answer]
    with pytest.raises(table.TransactionCancelled):
        table.transact(table.putting({"pk": "a"}))


def test_other_failures_are_raised_as_they_are(aws: Account, table: Table) -> None:
    aws.wire.refuse("TransactWriteItems", "AccessDeniedException")
    with pytest.raises(ClientError, match="AccessDenied"):
        table.transact(table.putting({"pk": "a"}))


def test_pages_of_an_index_are_followed_by_their_key(table: Table) -> None:
    for number in range(5):
        put(table, {"pk": f"o{number}", "entity": "onboarding", "created_at": f"2026-03-0{number + 1}"})
    first, start = table.query("by_time", ("entity", "onboarding"), Limit=3, ScanIndexForward=False)
    second, end = table.query(
        "by_time", ("entity", "onboarding"), Limit=3, ScanIndexForward=False, ExclusiveStartKey=start
    )
    assert [item["pk"] for item in first + second] == ["o4", "o3", "o2", "o1", "o0"]
    assert end is None

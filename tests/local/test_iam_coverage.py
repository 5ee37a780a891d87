"""The judgement on rights: what was needed, what is one too many, what is listed without need."""

from local.iam_coverage import Right, Unseen, denied, findings, needed, reviewed, table

READ = Right("ReadOnboardings", "Record", "dynamodb:GetItem")
TRACE = Right("ReadOnboardings", "Traces", "xray:PutTraceSegments")
TRACES = Unseen("*", "Traces", ("xray:PutTraceSegments",), "the emulator has none")


def decision(action: str, result: str = "Allow", sid: str = "Record", role: str = "ReadOnboardings") -> dict[str, str]:
    name = f"gatehouse-{role}FunctionRole-1A2B3C"
    return {"role_name": name, "action": action, "resource": "arn", "decision": result, "sid": sid}


def test_a_right_is_needed_where_its_own_statement_allowed_a_call() -> None:
    assert needed([decision("dynamodb:GetItem")]) == {READ}
    assert READ not in needed([decision("dynamodb:GetItem", sid="Lists")])
    assert READ not in needed([decision("dynamodb:GetItem", role="DecideOnboarding")])
    assert READ not in needed([decision("dynamodb:GetItem", "ExplicitDeny")])


def test_the_role_of_the_runbook_is_judged_too() -> None:
    called = decision("lambda:InvokeFunction", sid="AskTheFunction")
    called |= {"role_name": "gatehouse-GatehouseDecideRole-1A2B3C"}
    assert needed([called]) == {Right("GatehouseDecide", "AskTheFunction", "lambda:InvokeFunction")}


def test_the_roles_of_people_are_not_judged() -> None:
    assert needed([decision("dynamodb:GetItem") | {"role_name": "ResourceCreatorRole"}]) == set()


def test_a_right_that_nothing_needed_is_found_unless_it_is_listed() -> None:
    assert list(findings([READ], {READ}, [])) == []
    assert list(findings([READ, TRACE], {READ}, [TRACES])) == []
    assert list(findings([READ, TRACE], {READ}, [])) == [
        "ReadOnboardings: no call needed xray:PutTraceSegments of statement Traces"
    ]


def test_a_listed_right_that_was_seen_or_is_gone_is_found() -> None:
    [seen] = findings([TRACE], {TRACE}, [TRACES])
    assert "was seen" in seen
    [gone] = findings([READ], {READ}, [TRACES])
    assert "no * has xray:PutTraceSegments" in gone


def test_a_denial_counts_unless_a_test_provoked_it() -> None:
    refused = decision("dynamodb:Scan", "ImplicitDeny", sid="")
    provoked = decision("dynamodb:GetItem", "ExplicitDeny", sid="Provoked")
    assert denied([decision("dynamodb:GetItem"), refused, provoked], "Provoked") == [
        "ReadOnboardings was denied dynamodb:Scan on arn (not allowed)"
    ]


def test_the_table_says_of_every_right_whether_it_was_needed() -> None:
    lines = table([READ, TRACE], {READ}, [TRACES]).splitlines()
    assert lines[1].endswith(" yes")
    assert lines[2].endswith(" unseen: the emulator has none")
    assert table([TRACE], set(), []).splitlines()[1].endswith(" NO")


def test_every_listed_right_says_why() -> None:
    assert all(len(entry.why.split()) >= 5 for entry in reviewed())

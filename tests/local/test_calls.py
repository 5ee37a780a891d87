"""A call is counted once, however many decisions it took."""

import json
from pathlib import Path

from local.calls import Call, lines, made


def decision(request: int, action: str, operation: str = "", role: str = "stack-CreateUserFunctionRole-1") -> str:
    return json.dumps(
        {"request": request, "action": action, "operation": operation or action, "role_name": role, "sid": ""}
    )


def record(tmp_path: Path, *decisions: str) -> Path:
    path = tmp_path / "decisions.jsonl"
    path.write_text("".join(f"{one}\n" for one in decisions))
    return path


def test_a_transaction_is_one_call_with_several_writes(tmp_path: Path) -> None:
    whole = "dynamodb:TransactWriteItems"
    path = record(
        tmp_path,
        decision(1, "dynamodb:PutItem", whole),
        decision(1, "dynamodb:UpdateItem", whole),
        decision(2, "dynamodb:PutItem"),
    )
    assert list(made(path)) == [
        Call("CreateUser", whole, writes=2, keys=0),
        Call("CreateUser", "dynamodb:PutItem", writes=1, keys=0),
    ]


def test_the_key_behind_a_secret_belongs_to_the_call_that_needed_it(tmp_path: Path) -> None:
    path = record(tmp_path, decision(1, "secretsmanager:GetSecretValue"), decision(1, "kms:Decrypt"))
    assert list(made(path)) == [Call("CreateUser", "secretsmanager:GetSecretValue", writes=0, keys=1)]


def test_calls_that_met_are_told_apart_and_those_of_other_roles_left_out(tmp_path: Path) -> None:
    path = record(
        tmp_path,
        decision(1, "iam:CreateUser"),
        decision(2, "iam:ListUsers"),
        decision(1, "iam:TagUser"),
        decision(3, "lambda:InvokeFunction", role="stack-OnboardingStateMachineRole-1"),
    )
    assert [call.operation for call in made(path)] == ["iam:CreateUser", "iam:ListUsers"]


def test_what_was_there_before_is_not_counted(tmp_path: Path) -> None:
    path = record(tmp_path, decision(1, "iam:CreateUser"), decision(2, "iam:ListUsers"))
    assert [call.operation for call in made(path, after=1)] == ["iam:ListUsers"]
    assert lines(path) == 2
    assert lines(tmp_path / "none") == 0

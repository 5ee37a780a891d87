"""Where it is asked for, IAM answers so many calls a second and no more."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from local import deploy, process


@pytest.fixture
def slow(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """The address of an emulator whose IAM answers two calls a second, and where it notes them."""
    calls = tmp_path / "calls.jsonl"
    asked = {"GATEHOUSE_IAM_CALLS_PER_SECOND": "2", "GATEHOUSE_IAM_CALLS": str(calls)}
    try:
        yield f"http://127.0.0.1:{process.start(tmp_path, asked)}", calls
    finally:
        process.stop(tmp_path)


def test_who_calls_too_often_is_throttled_and_noted_and_the_root_user_is_not(slow: tuple[str, Path]) -> None:
    url, calls = slow
    root = deploy.client("iam", url)
    root.create_user(UserName="busy")
    root.attach_user_policy(UserName="busy", PolicyArn="arn:aws:iam::aws:policy/IAMFullAccess")
    key = root.create_access_key(UserName="busy")["AccessKey"]
    busy = boto3.client(
        "iam",
        endpoint_url=url,
        region_name=process.REGION,
        aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
        config=Config(retries={"total_max_attempts": 1}),
    )
    answers = [code_of(busy.list_users) for _ in range(20)]
    assert set(answers) == {None, "Throttling"}
    noted = [json.loads(line) for line in calls.read_text().splitlines()]
    assert [line["throttled"] for line in noted] == [answer == "Throttling" for answer in answers]
    assert {(line["who"].rpartition("/")[2], line["action"]) for line in noted} == {("busy", "ListUsers")}


def code_of(call: Callable[[], object]) -> str | None:
    """The code of AWS's refusal, None where it answers."""
    try:
        call()
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return None

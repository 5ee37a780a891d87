"""Other accounts are swept through a role that only reads, and one that has none is told, and stops nothing."""

import json
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from local import deploy
from local.client import principal, wait_for
from tests.conftest import MEMBERS
from tests.workflow import people

MEMBER_TEMPLATE = Path(__file__).parents[2] / "member-account" / "template.yaml"
SWEPT, WITHOUT_ROLE = MEMBERS
MACHINE = "gatehouse-mfa-compliance-accounts"
ROLE = f"arn:aws:iam::{SWEPT}:role/gatehouse/gatehouse-compliance-reader"
USER = "mia"


def of_member(stack: Mapping[str, Any], service: str) -> Any:
    """A client of the other account's root: on the local stack its key id is the account's id."""
    return deploy.client(service, stack["endpoint_url"], key=SWEPT)


def let_gatehouse_read(stack: Mapping[str, Any]) -> str:
    """Deploy the member's template there, as its administrator does; returns the role's ARN."""
    cloudformation = of_member(stack, "cloudformation")
    cloudformation.create_stack(
        StackName="gatehouse-member",
        TemplateBody=MEMBER_TEMPLATE.read_text(),
        Parameters=[{"ParameterKey": "GatehouseAccountId", "ParameterValue": stack["account_id"]}],
        Capabilities=["CAPABILITY_NAMED_IAM"],
    )
    cloudformation.get_waiter("stack_create_complete").wait(
        StackName="gatehouse-member", WaiterConfig={"Delay": 0.1, "MaxAttempts": 300}
    )
    (described,) = cloudformation.describe_stacks(StackName="gatehouse-member")["Stacks"]
    (arn,) = [output["OutputValue"] for output in described["Outputs"] if output["OutputKey"] == "RoleArn"]
    return str(arn)


def ended(stack: Mapping[str, Any]) -> dict[str, Any]:
    """A sweep that an operator starts in the console, once it is over."""
    states = principal(stack, "operator").aws("stepfunctions")
    machine = f"arn:aws:states:{stack['region']}:{stack['account_id']}:stateMachine:{MACHINE}"
    arn = states.start_execution(stateMachineArn=machine, name=f"story-{uuid.uuid4().hex}", input="{}")["executionArn"]

    def look() -> dict[str, Any] | None:
        told = dict(states.describe_execution(executionArn=arn))
        return told if told["status"] != "RUNNING" else None

    return dict(wait_for(look, "the end of the sweep of the other accounts"))


def refused_to_an_administrator(stack: Mapping[str, Any]) -> bool:
    """Whether the role that was just assumed is closed to everybody else of the stack's account."""
    sts = principal(stack, "admin").aws("sts")
    try:
        sts.assume_role(RoleArn=ROLE, RoleSessionName="curious", ExternalId="gatehouse")
    except sts.exceptions.ClientError as error:
        return bool(error.response["Error"]["Code"] == "AccessDenied")
    return False


def read(stack: Mapping[str, Any], key: str) -> Any:
    s3 = people.root(stack, "s3")
    (bucket,) = [one["Name"] for one in s3.list_buckets()["Buckets"] if "compliancebucket" in one["Name"].lower()]
    return json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read())


def test_one_account_is_swept_and_the_one_without_the_role_is_told(stack: dict[str, Any]) -> None:
    assert let_gatehouse_read(stack) == ROLE
    iam = of_member(stack, "iam")
    iam.create_user(UserName=USER)
    iam.create_login_profile(UserName=USER, Password="Correct-Horse-1")

    told = ended(stack)
    assert told["status"] == "SUCCEEDED", told
    output = json.loads(told["output"])
    assert (output["swept"], output["not_swept"]) == (1, 1)

    sweep = read(stack, f"accounts/{SWEPT}/latest.json")
    assert sweep["account_id"] == SWEPT
    kinds = {finding["kind"] for finding in sweep["findings"] if finding["subject"] == USER}
    assert kinds == {"outside-gatehouse", "console-without-mfa"}
    assert (sweep["rules"]["mode"], sweep["acted"]) == ("report", [])

    accounts = read(stack, output["report_key"].replace(".html", ".json"))
    assert [one["account_id"] for one in accounts["swept"]] == [SWEPT]
    (missed,) = accounts["not_swept"]
    assert missed["account_id"] == WITHOUT_ROLE
    assert missed["reason"].startswith("its role cannot be assumed")
    assert refused_to_an_administrator(stack)

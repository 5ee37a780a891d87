"""What the account lacks is told to operators, and its password policy is looked after by the stack."""

from typing import Any

from gatehouse.compliance import password_policy
from gatehouse.compliance.password_policy import Wanted
from local import seed
from local.client import principal

AS_SHIPPED = Wanted.of(14, "uppercase,lowercase,numbers,symbols", 90, 24)


def test_an_operator_reads_what_to_mend(stack: dict[str, Any]) -> None:
    answer = principal(stack, "operator").get("/account/health")
    assert answer.status == 200
    checks = {check["name"]: check for check in answer.json["checks"]}
    assert checks["sender"]["healthy"]
    assert checks["root-access-keys"]["healthy"]
    assert seed.ALIAS in checks["account-alias"]["found"]
    assert "8 characters suffice where 14 are wanted" in checks["password-policy"]["found"]
    assert [name for name, check in checks.items() if not check["healthy"] and not check["remedy"]] == []
    assert not answer.json["healthy"]
    assert [name for name, check in checks.items() if check["healthy"] is None] == []


def test_a_trail_that_logs_management_events_is_found(stack: dict[str, Any]) -> None:
    cloudtrail = principal(stack, "admin").aws("cloudtrail")
    cloudtrail.create_trail(Name="all", S3BucketName="trail", IsMultiRegionTrail=True)
    cloudtrail.start_logging(Name="all")
    cloudtrail.put_event_selectors(
        TrailName="all", EventSelectors=[{"ReadWriteType": "All", "IncludeManagementEvents": True}]
    )
    checks = principal(stack, "operator").get("/account/health").json["checks"]
    assert [check["healthy"] for check in checks if check["name"] == "trail"] == [True]


def test_nobody_but_operators_reads_it(stack: dict[str, Any]) -> None:
    assert [principal(stack, name).get("/account/health").status for name in ("requester", "approver")] == [403, 403]


def test_the_stack_says_what_the_password_policy_lacks(stack: dict[str, Any]) -> None:
    said = _output(stack, "PasswordPolicyShortcomings")
    assert "8 characters suffice where 14 are wanted" in said


def test_where_it_is_asked_to_the_stack_enforces_it(hasty_stack: dict[str, Any]) -> None:
    assert _output(hasty_stack, "PasswordPolicyShortcomings") == "none"
    stands = password_policy.standing(principal(hasty_stack, "admin").aws("iam"))
    assert password_policy.shortcomings(stands, AS_SHIPPED) == []


def _output(stack: dict[str, Any], name: str) -> str:
    stacks = principal(stack, "admin").aws("cloudformation").describe_stacks(StackName="gatehouse")["Stacks"]
    (value,) = [one["OutputValue"] for one in stacks[0]["Outputs"] if one["OutputKey"] == name]
    return str(value)

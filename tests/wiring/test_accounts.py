"""The sweep of other accounts: a distributed Map that one account cannot stop, and a role there that only reads."""

import json
from typing import Any

import yaml

from tests.wiring.definition import definition, states, tasks
from tests.wiring.template import ROOT, _long_form, functions, resolve, template
from tests.wiring.test_definition import longest
from tests.wiring.test_permissions import ROLES, VALUES, who_may

ACCOUNTS = "MfaComplianceAccountsStateMachine"
FOLLOWED = "arn:aws:states:us-east-1:123456789012:execution:g-mfa-compliance-accounts"
CHOSEN = VALUES | {"MemberRoleName": "reader"}


def member_template() -> dict[str, Any]:
    loader = type("Loader", (yaml.SafeLoader,), {})
    loader.add_multi_constructor("!", _long_form)  # type: ignore[attr-defined]
    loaded: dict[str, Any] = yaml.load((ROOT / "member-account" / "template.yaml").read_text(), loader)
    return loaded


def reader() -> dict[str, Any]:
    return dict(member_template()["Resources"]["ComplianceReader"]["Properties"])


def test_one_account_stops_no_other_one() -> None:
    sweep = states(ACCOUNTS)["SweepAccounts"]
    assert sweep["ToleratedFailurePercentage"] == 100
    assert sweep["ItemProcessor"]["ProcessorConfig"] == {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}
    assert states(ACCOUNTS)["NotSwept"]["Type"] == "Pass"
    assert [name for name, state in states(ACCOUNTS).items() if state["Type"] == "Fail"] == ["SweepFailed"]


def test_the_executions_of_the_accounts_are_handed_what_they_need() -> None:
    """They see neither the variables nor the name of the execution that starts them."""
    handed = set(states(ACCOUNTS)["SweepAccounts"]["ItemSelector"])
    inside = states(ACCOUNTS)["SweepAccounts"]["ItemProcessor"]
    assert tasks(ACCOUNTS)["SweepAccount"]["Arguments"]["Payload"] == {
        name: f"{{% $states.input.{name} %}}" for name in handed
    }
    assert "$states.context" not in json.dumps(inside)


def test_no_credentials_cross_a_state() -> None:
    payloads = {name: set(task["Arguments"]["Payload"]) for name, task in tasks(ACCOUNTS).items()}
    assert payloads == {
        "ListAccounts": {"sweep_id"},
        "SweepAccount": {"sweep_id", "started_at", "account_id"},
        "PublishAccountsReport": {"sweep_id", "started_at", "account_ids", "outcomes"},
    }
    assigned = {name for state in states(ACCOUNTS).values() for name in state.get("Assign", {})}
    assert assigned == {"account_ids", "sweep_id", "started_at", "outcomes"}


def test_a_sweep_ends_before_the_next_one_begins() -> None:
    assert definition(ACCOUNTS)["TimeoutSeconds"] <= 86_400


def test_a_thousand_accounts_that_all_wait_for_their_report_are_done_in_time() -> None:
    slowest = longest(tasks(ACCOUNTS)["SweepAccount"]["Retry"][0])
    rounds = 1000 / states(ACCOUNTS)["SweepAccounts"]["MaxConcurrency"]
    assert rounds * slowest <= definition(ACCOUNTS)["TimeoutSeconds"] * 0.9


def test_the_schedule_is_on_only_where_there_are_other_accounts() -> None:
    rule = template()["Resources"]["ComplianceAccountsRule"]["Properties"]
    assert rule["State"] == {"Fn::If": ["SweepsMembers", "ENABLED", "DISABLED"]}
    (target,) = rule["Targets"]
    assert target["Arn"] == {"Ref": ACCOUNTS}
    assert target["DeadLetterConfig"] == {"Arn": {"Fn::GetAtt": ["DeadLetterQueue", "Arn"]}}


def test_the_machine_starts_and_stops_executions_of_its_own_only() -> None:
    mine = {one["Sid"]: resolve(one["Resource"], VALUES) for one in ROLES[ACCOUNTS] if "states:" in str(one["Action"])}
    assert mine == {
        "StartAnExecutionForEachAccount": FOLLOWED.replace("execution", "stateMachine"),
        "FollowThem": [f"{FOLLOWED}:*", f"{FOLLOWED}/*"],
    }


def test_one_function_assumes_one_role_and_only_where_there_are_other_accounts() -> None:
    assert who_may("sts:AssumeRole") == {"sweep_account"}
    policies = template()["Resources"]["SweepAccountFunction"]["Properties"]["Policies"]
    ((condition, statement, otherwise),) = [
        one["Fn::If"] for policy in policies for one in policy["Statement"] if "Fn::If" in one
    ]
    assert (condition, otherwise) == ("SweepsMembers", {"Ref": "AWS::NoValue"})
    assert resolve(statement["Resource"], CHOSEN) == "arn:aws:iam::*:role/gatehouse/reader"
    assert resolve(functions()["sweep_account"].environment["MEMBER_ROLE_ARN"], CHOSEN) == resolve(
        statement["Resource"], CHOSEN
    )


def test_in_other_accounts_nobody_is_acted_on_whatever_the_parameters_say() -> None:
    environment = functions()["sweep_account"].environment
    fixed = {name: environment[name] for name in ("COMPLIANCE_MODE", "COMPLIANCE_DRY_RUN", "ACT_ON_OUTSIDERS")}
    assert fixed == {"COMPLIANCE_MODE": "report", "COMPLIANCE_DRY_RUN": "true", "ACT_ON_OUTSIDERS": "false"}


def test_all_other_standards_are_those_of_this_account() -> None:
    here, there = (functions()[stem].own_environment for stem in ("evaluate_account", "sweep_account"))
    differing = {name for name in here if here[name] != there.get(name)}
    assert differing == {"BOUNDARY_PREFIX", "COMPLIANCE_MODE", "COMPLIANCE_DRY_RUN", "ACT_ON_OUTSIDERS"}


def test_the_role_in_another_account_reads_and_nothing_else() -> None:
    (policy,) = reader()["Policies"]
    actions = [action for one in policy["PolicyDocument"]["Statement"] for action in listed(one["Action"])]
    assert sorted(actions) == [
        "iam:GenerateCredentialReport",
        "iam:GetAccountAuthorizationDetails",
        "iam:GetAccountPasswordPolicy",
        "iam:GetCredentialReport",
        "iam:ListMFADevices",
        "iam:ListVirtualMFADevices",
    ]
    assert "ManagedPolicyArns" not in reader()


def test_it_trusts_the_role_of_that_one_function_and_the_id_that_it_tells() -> None:
    values = {
        "AWS::Partition": "aws", "GatehouseAccountId": "123456789012", "GatehouseStackName": "g",
        "OrganizationId": "o-1234567890", "condition HasOrganization": True,
    }  # fmt: skip
    (trust,) = resolve(reader()["AssumeRolePolicyDocument"]["Statement"], values)
    assert (trust["Action"], trust["Principal"]) == ("sts:AssumeRole", {"AWS": "arn:aws:iam::123456789012:root"})
    sweeps = f"{functions()['sweep_account'].logical_id}Role"
    assert trust["Condition"] == {
        "ArnLike": {"aws:PrincipalArn": f"arn:aws:iam::123456789012:role/gatehouse/g-{sweeps}-*"},
        "StringEquals": {"sts:ExternalId": "g", "aws:PrincipalOrgID": "o-1234567890"},
    }
    assert template()["Globals"]["Function"]["RolePath"] == "/gatehouse/"
    assert resolve(functions()["sweep_account"].environment["EXTERNAL_ID"], VALUES) == "g"


def test_both_templates_speak_of_the_same_role() -> None:
    theirs = member_template()["Parameters"]["RoleName"]
    ours = template()["Parameters"]["MemberRoleName"]
    assert (theirs["Default"], theirs["AllowedPattern"]) == (ours["Default"], ours["AllowedPattern"])
    assert reader()["Path"] == "/gatehouse/"


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]

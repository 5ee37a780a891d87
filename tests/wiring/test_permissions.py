"""Every statement is scoped, named and explained; what grants stands where the catalogue says."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
import yaml

from gatehouse import catalogue, chosen_password, iam_users, secret_store
from tests.wiring.definition import machines
from tests.wiring.template import PATH, functions, of_type, resolve, template

LINES = PATH.read_text().splitlines()
AWS = {"AWS::Partition": "aws", "AWS::Region": "us-east-1", "AWS::AccountId": "123456789012", "AWS::StackName": "g"}
# A role may do most where the conditions of the template hold.
VALUES: dict[str, Any] = {**AWS, **{f"condition {name}": True for name in template()["Conditions"]}}
ROLES = {function.logical_id: function.statements for function in functions().values()} | {
    name: tuple(statement for policy in machine["Policies"] for statement in policy["Statement"])
    for name, machine in machines().items()
}
PEOPLE = {
    name: tuple(policy["Properties"]["PolicyDocument"]["Statement"])
    for name, policy in of_type("AWS::IAM::ManagedPolicy").items()
}


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def allowed(stem: str, action: str) -> list[dict[str, Any]]:
    """The statements that let a function do something."""
    found = [one for one in functions()[stem].statements if one["Effect"] == "Allow"]
    return [dict(one) for one in found if action in listed(one["Action"])]


def who_may(action: str) -> set[str]:
    return {stem for stem in functions() if allowed(stem, action)}


def statement_nodes() -> Iterator[yaml.MappingNode]:
    """Every statement of the template as it is written, with its place."""
    loader = yaml.SafeLoader(PATH.read_text())
    root = loader.get_single_node()
    seen: set[int] = set()
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, yaml.MappingNode):
            keys = {key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)}
            if "Effect" in keys and keys & {"Action", "NotAction"}:
                yield node
            waiting += [value for _, value in node.value]
        elif isinstance(node, yaml.SequenceNode):
            waiting += node.value


def field(node: yaml.MappingNode, name: str) -> yaml.Node | None:
    return next((value for key, value in node.value if key.value == name), None)


def is_everything(resource: yaml.Node | None) -> bool:
    return resource is not None and resource.value == "*"


def is_explained(node: yaml.MappingNode) -> bool:
    """Whether a comment stands right above the statement."""
    line = node.start_mark.line
    while "- " not in LINES[line].split("#")[0]:
        line -= 1
    return LINES[line - 1].strip().startswith("#")


def test_a_statement_on_everything_says_why() -> None:
    on_everything = [
        node
        for node in statement_nodes()
        if (resource := field(node, "Resource")) is not None and resource.value == "*"
    ]
    assert len(on_everything) > 10
    unexplained = [LINES[node.start_mark.line].strip() for node in on_everything if not is_explained(node)]
    assert unexplained == []


def test_what_a_function_may_do_is_always_explained() -> None:
    start = next(number for number, line in enumerate(LINES) if line.strip() == "# steps")
    end = next(number for number, line in enumerate(LINES) if line.strip() == "# APIs")
    nodes = [node for node in statement_nodes() if start < node.start_mark.line < end]
    assert len(nodes) == sum(len(function.statements) for function in functions().values())
    assert [LINES[node.start_mark.line].strip() for node in nodes if not is_explained(node)] == []


@pytest.mark.parametrize("role", [*ROLES, *PEOPLE])
def test_every_statement_has_a_name_of_its_own_within_its_role(role: str) -> None:
    statements = (ROLES | PEOPLE)[role]
    sids = Counter(statement.get("Sid") for statement in statements)
    assert None not in sids
    assert [sid for sid, count in sids.items() if count > 1] == []


@pytest.mark.parametrize("role", ROLES)
def test_no_role_may_do_anything_it_likes(role: str) -> None:
    for statement in ROLES[role]:
        assert not {"NotAction", "NotResource"} & set(statement)
        if statement["Effect"] == "Allow":
            assert [action for action in listed(statement["Action"]) if "*" in action] == []


# https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
WITHOUT_RESOURCE = {
    "cloudtrail:DescribeTrails",
    "iam:GenerateCredentialReport",
    "iam:GetAccountAuthorizationDetails",
    "iam:GetAccountPasswordPolicy",
    "iam:GetCredentialReport",
    "iam:GetAccountSummary",
    "iam:ListAccountAliases",
    "iam:ListUsers",
    "iam:ListVirtualMFADevices",
    "iam:UpdateAccountPasswordPolicy",
    "lambda:GetAccountSettings",
    "organizations:ListAccounts",
    "secretsmanager:GetRandomPassword",
    "ses:GetAccount",
    "secretsmanager:ListSecrets",
    "logs:CreateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:DescribeLogGroups",
    "logs:DescribeResourcePolicies",
    "logs:GetLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:UpdateLogDelivery",
}


@pytest.mark.parametrize("role", ROLES)
def test_a_role_acts_on_everything_only_where_the_action_has_no_resource(role: str) -> None:
    for statement in ROLES[role]:
        if "*" in listed(statement["Resource"]):
            assert set(listed(statement["Action"])) <= WITHOUT_RESOURCE


FORBIDDEN = re.compile(
    r"iam:(PassRole|Put(Role|Group)Policy|Attach(Role|Group)Policy|Create(Policy|Role)|CreatePolicyVersion|UpdateUser"
    r"|Update.*|Delete(User|Role)PermissionsBoundary)|sts:.*|dynamodb:Scan|states:(Stop|Update|Delete).*|kms:(Put|Create).*"
)
# The first under the path only, the second by group and policy: see below. The third never weakens what stands, the
# fourth is for who suspends and who restores. The last two are of the sweep of other accounts: into a role that only
# reads, and of the machine's own executions.
REASONED = {
    "iam:UpdateLoginProfile",
    "iam:AttachGroupPolicy",
    "iam:UpdateAccountPasswordPolicy",
    "iam:UpdateAccessKey",
    "sts:AssumeRole",
    "states:StopExecution",
}


@pytest.mark.parametrize("role", ROLES)
def test_no_role_may_do_what_would_make_it_anybody(role: str) -> None:
    allowing = [statement for statement in ROLES[role] if statement["Effect"] == "Allow"]
    actions = {action for statement in allowing for action in listed(statement["Action"])} - REASONED
    assert [action for action in actions if FORBIDDEN.fullmatch(action)] == []


def test_only_one_function_changes_the_account_s_password_policy_and_only_where_it_is_asked_to() -> None:
    assert who_may("iam:UpdateAccountPasswordPolicy") == {"account_password_policy"}
    policies = template()["Resources"]["AccountPasswordPolicyFunction"]["Properties"]["Policies"]
    conditional = [one["Fn::If"] for policy in policies for one in policy["Statement"] if "Fn::If" in one]
    ((condition, statement, otherwise),) = conditional
    assert (condition, statement["Action"]) == ("EnforcesPasswordPolicy", "iam:UpdateAccountPasswordPolicy")
    assert otherwise == {"Ref": "AWS::NoValue"}


def test_findings_are_imported_by_one_function_as_this_account_s_and_only_where_it_is_asked_to() -> None:
    assert who_may("securityhub:BatchImportFindings") == {"publish_report"}
    policies = template()["Resources"]["PublishReportFunction"]["Properties"]["Policies"]
    ((condition, statement, otherwise),) = [
        one["Fn::If"] for policy in policies for one in policy["Statement"] if "Fn::If" in one
    ]
    product = "arn:aws:securityhub:us-east-1:123456789012:product/123456789012/default"
    assert (condition, otherwise) == ("ImportsFindings", {"Ref": "AWS::NoValue"})
    assert resolve(statement["Resource"], VALUES) == product
    assert resolve(functions()["publish_report"].environment["PRODUCT_ARN"], VALUES) == product


# Users outside Gatehouse may be restricted and suspended too: see below.
ON_ANY_USER = {"AttachWhatDenies", "DetachWhatDenies", "DetachRestriction", "SuspendKeys", "RestoreKeys"}
CHANGES_USERS = re.compile(r"iam:(?!List|Get)\w*(User|LoginProfile|AccessKey|UserPolicy|UserPermissionsBoundary)$")


@pytest.mark.parametrize("role", ROLES)
def test_users_are_changed_under_gatehouse_s_path_only(role: str) -> None:
    for statement in ROLES[role]:
        if statement["Sid"] in ON_ANY_USER:
            continue
        if any(CHANGES_USERS.fullmatch(action) for action in listed(statement["Action"])):
            path = iam_users.APPLICATIONS_PATH if "Applications" in statement["Sid"] else iam_users.PATH
            assert resolve(statement["Resource"], VALUES) == f"arn:aws:iam::123456789012:user{path}*"


def boundaries_of(kind: str, phase: str) -> set[str]:
    """The catalogue's boundaries for people or for applications, by the logical IDs of the template."""
    profiles = [profile for profile in catalogue.profiles().values() if kind in profile["kinds"]]
    pairs = {pair for profile in profiles for pair in (profile["boundary"], *profile["may_add"]["boundaries"])}
    return {BOUNDARIES[catalogue.boundaries()[pair][phase]] for pair in pairs}


BOUNDARIES = {
    policy["Properties"]["ManagedPolicyName"]["Fn::Sub"].removeprefix("${AWS::StackName}-boundary-"): name
    for name, policy in of_type("AWS::IAM::ManagedPolicy").items()
    if name.startswith("Boundary")
}
ENROLLING = boundaries_of("person", "enrolling")
MEMBER = boundaries_of("person", "member")
APPLICATION = boundaries_of("application", "enrolling")


def pinned(statement: dict[str, Any]) -> set[str]:
    """The boundaries that a statement wants, by logical ID."""
    return {one["Ref"] for one in listed(statement["Condition"]["StringEquals"]["iam:PermissionsBoundary"])}


def policies(statement: dict[str, Any]) -> set[str]:
    return set(listed(resolve(statement["Condition"]["ArnEquals"]["iam:PolicyARN"], VALUES)))


def groups(statement: dict[str, Any]) -> set[str]:
    """The groups that a statement is about, all below our path."""
    found = listed(resolve(statement["Resource"], VALUES))
    prefix = f"arn:aws:iam::123456789012:group{iam_users.PATH}"
    assert all(arn.startswith(prefix) for arn in found)
    return {arn.removeprefix(prefix) for arn in found}


def unprivileged(arns: Iterable[str]) -> set[str]:
    return {arn for arn in arns if not catalogue.managed_policies()[arn]["privileged"]}


GROUPS = {name: set(group["managed_policies"]) for name, group in catalogue.groups().items()}
GROUPS_BEFORE_MFA = {name for name, arns in GROUPS.items() if arns == unprivileged(arns)}
ALL_POLICIES = set(catalogue.managed_policies())


def test_a_person_s_boundaries_are_none_of_an_application_s() -> None:
    assert APPLICATION
    assert not APPLICATION & (ENROLLING | MEMBER)
    assert boundaries_of("application", "member") == APPLICATION


@pytest.mark.parametrize(
    ("stem", "arns", "boundaries"),
    [
        ("attach_policies", unprivileged(ALL_POLICIES), ENROLLING | APPLICATION),
        ("complete_onboarding", ALL_POLICIES, MEMBER),
    ],
)
def test_what_the_catalogue_grants_can_be_attached_in_its_phase_and_nothing_else(
    stem: str, arns: set[str], boundaries: set[str]
) -> None:
    (attach,) = allowed(stem, "iam:AttachUserPolicy")
    assert (policies(attach), pinned(attach)) == (arns, boundaries)
    (put,) = allowed(stem, "iam:PutUserPolicy")
    assert pinned(put) == boundaries


@pytest.mark.parametrize(
    ("stem", "names"), [("attach_policies", GROUPS_BEFORE_MFA), ("complete_onboarding", set(GROUPS))]
)
def test_the_groups_of_the_catalogue_can_be_made_in_their_phase_and_no_others(stem: str, names: set[str]) -> None:
    assert names
    for action in ("iam:CreateGroup", "iam:AddUserToGroup", "iam:AttachGroupPolicy"):
        (statement,) = allowed(stem, action)
        assert groups(statement) == names
    (attach,) = allowed(stem, "iam:AttachGroupPolicy")
    assert policies(attach) == set().union(*(GROUPS[name] for name in names))


RESETTING = {"reset_mfa", "roll_back"}
RESTORING = {"restore_user", "lift_restriction"}


def test_nobody_else_attaches_anything() -> None:
    both = {"attach_policies", "complete_onboarding"}
    for action in ("iam:CreateGroup", "iam:AttachGroupPolicy"):
        assert who_may(action) == both
    assert who_may("iam:AttachUserPolicy") == both | {"act_on_users"}
    assert who_may("iam:PutUserPolicy") == both | RESETTING
    assert who_may("iam:AddUserToGroup") == both | {"create_user"}


def test_who_creates_a_user_puts_it_into_the_group_of_all_members_and_no_other() -> None:
    (join,) = allowed("create_user", "iam:AddUserToGroup")
    assert join["Resource"] == {"Fn::GetAtt": ["GatehouseUsersGroup", "Arn"]}
    assert iam_users.MEMBERS_GROUP not in GROUPS


def test_users_are_created_with_the_boundary_of_their_kind_only() -> None:
    assert who_may("iam:CreateUser") == {"create_user"}
    statements = allowed("create_user", "iam:CreateUser")
    by_path = {resolve(one["Resource"], VALUES).rpartition(":user")[2]: pinned(one) for one in statements}
    assert by_path == {f"{iam_users.PATH}*": ENROLLING, f"{iam_users.APPLICATIONS_PATH}*": APPLICATION}
    assert all(one["Condition"]["Null"] == {f"aws:RequestTag/{iam_users.ID_TAG}": "false"} for one in statements)


def test_the_boundary_is_exchanged_for_a_member_s_only() -> None:
    exchanging = {"complete_onboarding"} | RESTORING
    assert who_may("iam:PutUserPermissionsBoundary") == exchanging | RESETTING | {"act_on_users"}
    for stem in exchanging:
        (exchange,) = allowed(stem, "iam:PutUserPermissionsBoundary")
        assert pinned(exchange) == MEMBER
    assert not any("iam:DeleteUserPermissionsBoundary" in str(function.statements) for function in functions().values())


def test_a_reset_exchanges_the_boundary_for_the_enrolling_one_only() -> None:
    for stem in RESETTING:
        for action in ("iam:PutUserPermissionsBoundary", "iam:PutUserPolicy"):
            (one,) = allowed(stem, action)
            assert pinned(one) == ENROLLING


def test_of_users_outside_gatehouse_only_what_denies_is_attached_and_detached_and_keys_switched() -> None:
    """On users under any path: a restriction and a suspension only take away, and only these two are taken off."""
    (restrict,) = allowed("act_on_users", "iam:PutUserPermissionsBoundary")
    assert pinned(restrict) == ENROLLING
    named = {
        (stem, action): listed(one["Condition"]["ArnEquals"]["iam:PolicyARN"])
        for stem in {"act_on_users"} | RESTORING
        for action in ("iam:AttachUserPolicy", "iam:DetachUserPolicy")
        for one in allowed(stem, action)
    }
    both = [{"Ref": "Restricted"}, {"Ref": "Suspended"}]
    assert named == {
        ("act_on_users", "iam:AttachUserPolicy"): both,
        ("restore_user", "iam:DetachUserPolicy"): both,
        ("lift_restriction", "iam:DetachUserPolicy"): [{"Ref": "Restricted"}],
    }
    assert who_may("iam:DetachUserPolicy") == {"roll_back"} | RESTORING
    assert who_may("iam:UpdateAccessKey") == {"act_on_users", "restore_user"}


@pytest.mark.parametrize(
    ("stem", "actions"),
    [
        ("act_on_users", {"iam:AttachUserPolicy", "iam:PutUserPermissionsBoundary", "iam:UpdateAccessKey"}),
        ("restore_user", {"iam:DetachUserPolicy", "iam:PutUserPermissionsBoundary", "iam:UpdateAccessKey"}),
        ("lift_restriction", {"iam:DetachUserPolicy", "iam:PutUserPermissionsBoundary"}),
        ("issue_password", {"iam:*LoginProfile"}),
        ("expire_claim", {"iam:*LoginProfile"}),
        ("complete_onboarding", {"iam:PutUserPermissionsBoundary"}),
        ("roll_back", {"iam:PutUserPermissionsBoundary", "iam:PutUserPolicy"}),
        (
            "reset_mfa",
            {
                "iam:DeactivateMFADevice",
                "iam:DeleteAccessKey",
                "iam:DeleteLoginProfile",
                "iam:PutUserPermissionsBoundary",
                "iam:PutUserPolicy",
            },
        ),
    ],
)
def test_an_application_gets_neither_a_password_nor_a_member_s_boundary(stem: str, actions: set[str]) -> None:
    (deny,) = [one for one in functions()[stem].statements if one["Effect"] == "Deny"]
    assert set(listed(deny["Action"])) == actions
    assert resolve(deny["Resource"], VALUES) == f"arn:aws:iam::123456789012:user{iam_users.APPLICATIONS_PATH}*"


def test_only_roll_back_deletes_users() -> None:
    deleting = [stem for stem, function in functions().items() if "iam:DeleteUser" in str(function.statements)]
    assert deleting == ["roll_back"]


SECRET = re.compile(r"secret:(.*)$")


@pytest.mark.parametrize("stem", functions())
def test_secrets_are_reached_by_the_names_that_they_get(stem: str) -> None:
    names = [secret_store.name("an-id", what, 1) for what in ("password", "access_key")]
    names.append(f"{chosen_password.PREFIX}alice")
    for statement in functions()[stem].statements:
        for resource in listed(resolve(statement["Resource"], VALUES | any_reference())):
            if ":secretsmanager:" in resource and (found := SECRET.search(resource)):
                pattern = re.escape(found[1]).replace(r"\*", ".*")
                assert any(re.fullmatch(pattern, f"{name}-AbCdEf") for name in names)


def test_of_a_chosen_password_all_see_whose_it_is_and_the_issuer_what_it_is() -> None:
    looking = {
        stem: {action for one in function.statements if CHOSEN in str(one) for action in listed(one["Action"])}
        for stem, function in functions().items()
    }
    describing = {"secretsmanager:DescribeSecret"}
    assert {stem: actions for stem, actions in looking.items() if actions} == {
        "submit_onboarding": describing,
        "validate_request": describing,
        "issue_password": {"secretsmanager:GetSecretValue"},
    }


CHOSEN = f":secret:{chosen_password.PREFIX}*"


def any_reference() -> dict[str, str]:
    """Something for every reference that the statements hold."""
    names = set(template()["Resources"]) | set(template()["Parameters"])
    return {name: name for name in names} | {f"{name}.Arn": name for name in names}


def test_who_may_read_a_secret_stands_in_its_resource_policy() -> None:
    reading = {
        function.logical_id
        for function in functions().values()
        if any("secretsmanager:GetSecretValue" in listed(one["Action"]) for one in function.statements)
    }
    (joined,) = {
        str(f.environment["SECRET_READERS"]) for f in functions().values() if "SECRET_READERS" in f.environment
    }
    assert {f"{logical_id}Role" for logical_id in reading} == set(re.findall(r"'(\w+FunctionRole)'", joined))


def test_what_calls_a_function_may_call_it() -> None:
    for stem, called in (
        ("execution_ended", {"RollBackFunction.Arn"}),
        ("follow_up", {"RollBackFunction.Arn", "ExpireClaimFunction.Arn", "LiftRestrictionFunction.Arn"}),
        ("janitor", {"RollBackFunction.Arn"}),
        ("mfa_device_enabled", {"LiftRestrictionFunction.Arn"}),
    ):
        invokes = [one for one in functions()[stem].statements if one["Action"] == "lambda:InvokeFunction"]
        assert {".".join(arn["Fn::GetAtt"]) for one in invokes for arn in listed(one["Resource"])} == called


def test_who_ends_what_nobody_claimed_makes_nothing_and_reads_no_secret() -> None:
    allowed = [one for one in functions()["expire_claim"].statements if one["Effect"] == "Allow"]
    actions = {action for one in allowed for action in listed(one["Action"])}
    assert actions == {
        "dynamodb:GetItem",
        "dynamodb:UpdateItem",
        "iam:DeleteAccessKey",
        "iam:GetAccountPasswordPolicy",
        "iam:GetUser",
        "iam:UpdateLoginProfile",
        "secretsmanager:DeleteSecret",
        "secretsmanager:GetRandomPassword",
        "ses:SendEmail",
    }


def test_of_every_step_that_calls_iam_a_few_run_at_a_time_and_what_undoes_waits_for_nobody() -> None:
    bounded = {
        name
        for name, resource in of_type("AWS::Serverless::Function").items()
        if "ReservedConcurrentExecutions" in resource["Properties"]
    }
    # Of what a start by hand looks up, and that only: through the API it was looked up before. And one sweep at a time.
    sweeping = {"RequestCredentialReportFunction", "EvaluateAccountFunction", "ActOnUsersFunction"}
    seldom = {"ValidateRequestFunction"} | sweeping
    asked = {
        (function.logical_id, action)
        for function in functions().values()
        for statement in function.statements
        for action in listed(statement["Action"])
        if function.package == "steps"
    }
    calling = {name for name, action in asked if action.startswith("iam:")}
    assert bounded == calling - seldom - {"RollBackFunction"}


def branches(logical_id: str) -> list[Any]:
    """The statements of a function's role that a condition of the template decides about."""
    policies = template()["Resources"][logical_id]["Properties"]["Policies"]
    return [one["Fn::If"] for policy in policies for one in policy["Statement"] if "Fn::If" in one]


def test_who_only_reports_reminds_or_tries_may_change_no_user() -> None:
    """Also where the code were wrong: turning a dry run off deploys the right together with it."""
    given = {one["Action"]: (condition, otherwise) for condition, one, otherwise in branches("ActOnUsersFunction")}
    nothing = {"Ref": "AWS::NoValue"}
    assert given == {
        "iam:AttachUserPolicy": ("Restricts", nothing),
        "iam:PutUserPermissionsBoundary": ("Restricts", nothing),
        "iam:UpdateAccessKey": ("Suspends", nothing),
    }
    in_earnest = {"Fn::Equals": [{"Ref": "ComplianceDryRun"}, "false"]}
    restrict, suspend = ({"Fn::Equals": [{"Ref": "ComplianceMode"}, mode]} for mode in ("restrict", "suspend"))
    assert template()["Conditions"]["Restricts"] == {"Fn::And": [in_earnest, {"Fn::Or": [restrict, suspend]}]}
    assert template()["Conditions"]["Suspends"] == {"Fn::And": [in_earnest, suspend]}


def test_the_organization_is_asked_only_where_the_parameter_says_so() -> None:
    (statement,) = [one for one in functions()["list_accounts"].statements if "organizations:" in str(one["Action"])]
    assert statement["Effect"] == {"Fn::If": ["AsksOrganization", "Allow", "Deny"]}
    assert template()["Conditions"]["AsksOrganization"] == {"Fn::Equals": [{"Ref": "MemberAccounts"}, "organization"]}


@pytest.mark.parametrize(("acts_on_outsiders", "users"), [(False, {"user/gatehouse/*"}), (True, {"user/*"})])
def test_users_outside_gatehouse_are_changed_only_where_the_parameter_says_so(
    acts_on_outsiders: bool, users: set[str]
) -> None:
    changing = {"iam:AttachUserPolicy", "iam:ListAccessKeys", "iam:UpdateAccessKey"}
    values = VALUES | {"condition ActsOnOutsiders": acts_on_outsiders}
    named = {
        str(resolve(statement["Resource"], values)).rsplit(":", 1)[-1]
        for action in changing
        for statement in allowed("act_on_users", action)
    }
    assert named == users

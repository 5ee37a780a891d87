"""Every statement is scoped, named and explained; what grants stands where the catalogue says."""

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from gatehouse import catalogue, iam_users, secret_store
from tests.wiring.definition import machines
from tests.wiring.template import PATH, functions, of_type, resolve, template

LINES = PATH.read_text().splitlines()
VALUES = {"AWS::Partition": "aws", "AWS::Region": "us-east-1", "AWS::AccountId": "123456789012", "AWS::StackName": "g"}
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
        assert statement["Effect"] == "Allow"
        assert not {"NotAction", "NotResource"} & set(statement)
        assert [action for action in listed(statement["Action"]) if "*" in action] == []


# https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
WITHOUT_RESOURCE = {
    "iam:GetAccountPasswordPolicy",
    "iam:ListAccountAliases",
    "iam:ListUsers",
    "secretsmanager:GetRandomPassword",
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
REASONED = {"iam:UpdateLoginProfile"}


@pytest.mark.parametrize("role", ROLES)
def test_no_role_may_do_what_would_make_it_anybody(role: str) -> None:
    actions = {action for statement in ROLES[role] for action in listed(statement["Action"])} - REASONED
    assert [action for action in actions if FORBIDDEN.fullmatch(action)] == []


CHANGES_USERS = re.compile(r"iam:(?!List|Get)\w*(User|LoginProfile|AccessKey|UserPolicy|UserPermissionsBoundary)$")


@pytest.mark.parametrize("role", ROLES)
def test_users_are_changed_under_gatehouse_s_path_only(role: str) -> None:
    for statement in ROLES[role]:
        if any(CHANGES_USERS.fullmatch(action) for action in listed(statement["Action"])):
            assert resolve(statement["Resource"], VALUES) == f"arn:aws:iam::123456789012:user{iam_users.PATH}*"


def pins(stem: str) -> dict[str, Any]:
    """What a function may attach, and to users with which boundary."""
    (statement,) = [one for one in functions()[stem].statements if one["Action"] == "iam:AttachUserPolicy"]
    arns = resolve(statement["Condition"]["ArnEquals"]["iam:PolicyARN"], VALUES)
    (boundary,) = statement["Condition"]["StringEquals"].items()
    return {"policies": set(listed(arns)), "boundary": boundary}


def granted(*, privileged: bool) -> set[str]:
    chosen = [profile for profile in catalogue.profiles().values() if profile["privileged"] == privileged]
    return {arn for profile in chosen for arn in profile["managed_policies"]}


def test_before_mfa_what_the_catalogue_grants_without_privilege_can_be_attached_and_nothing_else() -> None:
    assert pins("attach_policies") == {
        "policies": granted(privileged=False),
        "boundary": ("iam:PermissionsBoundary", {"Ref": "BoundaryEnrolling"}),
    }


def test_privileged_policies_can_be_attached_to_members_only() -> None:
    assert pins("complete_onboarding") == {
        "policies": granted(privileged=True),
        "boundary": ("iam:PermissionsBoundary", {"Ref": "BoundaryMember"}),
    }


def test_nobody_else_attaches_anything() -> None:
    attaching = {
        stem
        for stem, function in functions().items()
        if any("iam:AttachUserPolicy" in listed(one["Action"]) for one in function.statements)
    }
    assert attaching == {"attach_policies", "complete_onboarding"}


def test_a_group_of_the_catalogue_could_be_joined() -> None:
    """No profile names a group yet; the first that does needs a statement for it."""
    groups = {group for profile in catalogue.profiles().values() for group in profile["groups"]}
    assert groups == set()


def test_users_are_created_with_the_enrolling_boundary_only() -> None:
    (create,) = [one for one in functions()["create_user"].statements if one["Action"] == "iam:CreateUser"]
    assert create["Condition"]["StringEquals"] == {"iam:PermissionsBoundary": {"Ref": "BoundaryEnrolling"}}
    assert create["Condition"]["Null"] == {f"aws:RequestTag/{iam_users.ID_TAG}": "false"}


def test_the_boundary_is_exchanged_for_the_member_s_only() -> None:
    allowed = [
        (stem, one)
        for stem, function in functions().items()
        for one in function.statements
        if any("PermissionsBoundary" in action for action in listed(one["Action"]))
    ]
    ((stem, exchange),) = allowed
    assert stem == "complete_onboarding"
    assert exchange["Action"] == "iam:PutUserPermissionsBoundary"
    assert exchange["Condition"] == {"StringEquals": {"iam:PermissionsBoundary": {"Ref": "BoundaryMember"}}}


def test_only_roll_back_deletes_users() -> None:
    deleting = [stem for stem, function in functions().items() if "iam:DeleteUser" in str(function.statements)]
    assert deleting == ["roll_back"]


SECRET = re.compile(r"secret:(.*)$")


@pytest.mark.parametrize("stem", functions())
def test_secrets_are_reached_by_the_names_that_they_get(stem: str) -> None:
    names = [secret_store.name("an-id", what, 1) for what in ("password", "access_key")]
    for statement in functions()[stem].statements:
        for resource in listed(resolve(statement["Resource"], VALUES | any_reference())):
            if ":secretsmanager:" in resource and (found := SECRET.search(resource)):
                pattern = re.escape(found[1]).replace(r"\*", ".*")
                assert any(re.fullmatch(pattern, f"{name}-AbCdEf") for name in names)


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
    for stem, called in (("execution_ended", {"RollBackFunction.Arn"}), ("follow_up", {"RollBackFunction.Arn"})):
        (invoke,) = [one for one in functions()[stem].statements if one["Action"] == "lambda:InvokeFunction"]
        assert {".".join(one["Fn::GetAtt"]) for one in listed(invoke["Resource"])} == called

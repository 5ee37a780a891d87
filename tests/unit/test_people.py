"""A person key is the same through every ARN of one human, and nobody else's."""

import pytest

from gatehouse import people

ACCOUNT = "123456789012"


@pytest.mark.parametrize(
    ("arn", "person"),
    [
        (f"arn:aws:iam::{ACCOUNT}:user/alice", "alice"),
        (f"arn:aws:iam::{ACCOUNT}:user/gatehouse/Alice.Developer", "alice.developer"),
        (f"arn:aws:iam::{ACCOUNT}:user/a/deep/path/alice@example.com", "alice@example.com"),
        (f"arn:aws-us-gov:iam::{ACCOUNT}:user/alice", "alice"),
        (f"arn:aws-cn:iam::{ACCOUNT}:user/alice", "alice"),
        (
            f"arn:aws:sts::{ACCOUNT}:assumed-role/AWSReservedSSO_PowerUserAccess_0123456789abcdef/Alice@Example.com",
            "alice@example.com",
        ),
        (f"arn:aws:sts::{ACCOUNT}:assumed-role/AWSReservedSSO_My+Set=1_fedcba9876543210/alice", "alice"),
        (f"arn:aws:sts::{ACCOUNT}:assumed-role/ResourceCreatorRole/alice.developer", "alice.developer"),
    ],
)
def test_these_stand_for_a_person(arn: str, person: str) -> None:
    assert people.caller(arn, ACCOUNT).person == person
    assert people.caller(arn, ACCOUNT).arn == arn


@pytest.mark.parametrize(
    "arn",
    [
        f"arn:aws:iam::{ACCOUNT}:root",
        f"arn:aws:sts::{ACCOUNT}:assumed-role/Deployer/alice",
        f"arn:aws:sts::{ACCOUNT}:assumed-role/NotAWSReservedSSO_Admin_0123456789abcdef/alice",
        f"arn:aws:sts::{ACCOUNT}:assumed-role/AWSReservedSSO_Admin/alice",
        f"arn:aws:sts::{ACCOUNT}:assumed-role/AWSReservedSSO_Admin_0123456789ABCDEF/alice",
        f"arn:aws:sts::{ACCOUNT}:assumed-role/resourcecreatorrole/alice",
        f"arn:aws:sts::{ACCOUNT}:federated-user/alice",
        f"arn:aws:iam::{ACCOUNT}:role/AWSReservedSSO_Admin_0123456789abcdef",
        f"arn:aws:iam::{ACCOUNT}:user/",
        "AIDACKCEVSQ6C2EXAMPLE",
        "None",
        "",
    ],
)
def test_these_stand_for_nobody_in_particular(arn: str) -> None:
    assert people.caller(arn, ACCOUNT).person is None


@pytest.mark.parametrize(
    "arn",
    [
        "arn:aws:iam::999999999999:user/alice",
        "arn:aws:sts::999999999999:assumed-role/ResourceCreatorRole/alice",
        "arn:aws:sts::999999999999:assumed-role/AWSReservedSSO_Admin_0123456789abcdef/alice",
    ],
)
def test_people_of_another_account_are_nobody_here(arn: str) -> None:
    assert people.caller(arn, ACCOUNT).person is None


def test_several_permission_sets_are_one_human() -> None:
    roles = ("AWSReservedSSO_Admin_0123456789abcdef", "AWSReservedSSO_ReadOnly_fedcba9876543210")
    arns = [f"arn:aws:sts::{ACCOUNT}:assumed-role/{role}/Alice@example.com" for role in roles]
    assert {people.caller(arn, ACCOUNT).person for arn in arns} == {"alice@example.com"}


APPROVERS = '{"platform": [" Alma <alma@example.com> ", "bob@example.com"], "security": ["alma", "Carol"]}'
OPERATORS = "olga <olga@example.com>, Otto , dora@example.com"


def test_a_directory_knows_who_decides_under_which_label() -> None:
    directory = people.Directory.parse(APPROVERS, OPERATORS)
    assert directory.approvers == {"platform": {"alma", "bob@example.com"}, "security": {"alma", "carol"}}
    assert directory.operators == {"olga", "otto", "dora@example.com"}
    assert directory.everybody == {"alma", "bob@example.com", "carol", "olga", "otto", "dora@example.com"}


def test_a_directory_knows_who_is_written_to_where() -> None:
    directory = people.Directory.parse(APPROVERS, OPERATORS)
    assert directory.address("alma") == "alma@example.com"
    assert directory.address("olga") == "olga@example.com"
    assert directory.address("bob@example.com") == "bob@example.com"
    assert directory.address("stranger@example.com") == "stranger@example.com"
    assert directory.address("carol") is None
    assert directory.address("deployer") is None
    assert directory.address(None) is None


@pytest.mark.parametrize("operators", ["", " ", ",", " , "])
def test_nobody_operates_where_nobody_is_named(operators: str) -> None:
    directory = people.Directory.parse("{}", operators)
    assert (directory.operators, directory.everybody) == (frozenset(), frozenset())


def test_one_human_with_two_names_is_counted_once() -> None:
    directory = people.Directory.parse('{"platform": ["pia <pia@example.com>", "pia@example.com", "bob"]}', "")
    assert directory.count(directory.everybody) == 2

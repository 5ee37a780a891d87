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


def test_a_directory_knows_who_is_written_to_where() -> None:
    assert people.directory([" Alice <alice@example.com> ", "bob@example.com", "carol", ""]) == {
        "alice": "alice@example.com",
        "bob@example.com": "bob@example.com",
        "carol": None,
    }


def test_an_address_comes_from_a_directory_or_is_the_key_itself() -> None:
    operators, approvers = people.directory(["olga <olga@example.com>"]), people.directory(["alma <alma@example.com>"])
    assert people.address("olga", operators, approvers) == "olga@example.com"
    assert people.address("alma", operators, approvers) == "alma@example.com"
    assert people.address("dora@example.com", operators) == "dora@example.com"
    assert people.address("deployer", operators) is None
    assert people.address(None, operators) is None

"""The CLI profile that a key is handed over with."""

import configparser

from gatehouse import access_keys
from tests.unit.account import ACCOUNT, USER, make_record

ROLE = f"arn:aws:iam::{ACCOUNT}:role/gatehouse/ResourceCreatorRole"
SERIAL = f"arn:aws:iam::{ACCOUNT}:mfa/my phone"


def config(mfa_serial: str | None = SERIAL, roles: tuple[str, ...] = (ROLE,)) -> configparser.ConfigParser:
    """The two files as the AWS CLI reads them."""
    text = access_keys.cli_config("AKIAIOSFODNN7EXAMPLE", "secret+/key", USER, mfa_serial, list(roles))
    parsed = configparser.ConfigParser()
    parsed.read_string(text)
    return parsed


def test_the_key_is_a_profile_of_the_user_s_name() -> None:
    assert dict(config()[USER]) == {
        "aws_access_key_id": "AKIAIOSFODNN7EXAMPLE",
        "aws_secret_access_key": "secret+/key",
    }


def test_a_role_is_assumed_from_it_with_the_real_device_under_the_user_s_name() -> None:
    assert dict(config()["profile ResourceCreatorRole"]) == {
        "role_arn": ROLE,
        "source_profile": USER,
        "role_session_name": USER,
        "mfa_serial": SERIAL,
    }


def test_without_a_virtual_device_no_serial_is_named() -> None:
    """The CLI can ask for a code of an authenticator app, not for a touch of a security key."""
    assert "mfa_serial" not in config(mfa_serial=None)["profile ResourceCreatorRole"]


def test_who_may_assume_nothing_gets_the_key_s_profile_alone() -> None:
    assert config(roles=()).sections() == [USER, f"profile {USER}"]


def test_the_roles_are_those_of_the_record_s_inline_policies() -> None:
    assert access_keys.assumable_roles(make_record()) == [ROLE]
    assert access_keys.assumable_roles(make_record(profile="auditor")) == []

"""The CLI profile that a key is handed over with."""

import configparser
import re
from typing import Any

import pytest

from gatehouse import access_keys
from tests.unit.account import ACCOUNT, USER, make_record

ROLE = f"arn:aws:iam::{ACCOUNT}:role/gatehouse/ResourceCreatorRole"
SERIAL = f"arn:aws:iam::{ACCOUNT}:mfa/phone"
REGION = "eu-central-1"
COMMON = {"region": REGION, "output": "json"}


def text(mfa_serial: str | None = SERIAL, roles: tuple[str, ...] = (ROLE,), **more: Any) -> str:
    given = {"region": REGION, **more}
    return access_keys.cli_config("AKIAIOSFODNN7EXAMPLE", "secret+/key", USER, mfa_serial, list(roles), **given)


def files(said: str) -> dict[str, configparser.RawConfigParser]:
    """The files that the comments name, each as the AWS CLI reads it."""
    parts = re.split(r"^# (~/\S+)$", said, flags=re.MULTILINE)[1:]
    found = {}
    for path, content in zip(parts[::2], parts[1::2], strict=True):
        found[path] = configparser.RawConfigParser()
        found[path].read_string(content)
    return found


def config(*arguments: Any, **more: Any) -> configparser.RawConfigParser:
    return files(text(*arguments, **more))["~/.aws/config"]


def commands(said: str) -> list[str]:
    return [line.removeprefix("#   ") for line in said.splitlines() if line.startswith("#   ")]


def test_the_key_is_a_profile_of_the_user_s_name() -> None:
    found = files(text())
    assert list(found) == ["~/.aws/credentials", "~/.aws/config"]
    assert found["~/.aws/credentials"].sections() == [USER]
    assert dict(found["~/.aws/credentials"][USER]) == {
        "aws_access_key_id": "AKIAIOSFODNN7EXAMPLE",
        "aws_secret_access_key": "secret+/key",
    }
    assert dict(config()[f"profile {USER}"]) == COMMON


def test_a_role_is_assumed_from_it_with_the_real_device_under_the_user_s_name() -> None:
    assert dict(config()["profile ResourceCreatorRole"]) == COMMON | {
        "role_arn": ROLE,
        "source_profile": USER,
        "role_session_name": USER,
        "mfa_serial": SERIAL,
    }


def test_the_role_is_within_reach_of_a_session_with_mfa_as_well() -> None:
    """Whether AssumeRole's own request counts as one with MFA is not certain: GetSessionToken's credentials do."""
    assert dict(config()["profile ResourceCreatorRole-mfa"]) == COMMON | {
        "role_arn": ROLE,
        "source_profile": f"{USER}-mfa",
        "role_session_name": USER,
    }


@pytest.mark.parametrize("roles", [(ROLE,), ()])
def test_the_commands_for_a_session_name_the_key_the_device_and_the_profile_to_fill(roles: tuple[str, ...]) -> None:
    assert dict(config(roles=roles)[f"profile {USER}-mfa"]) == COMMON
    login, older, storing = commands(text(roles=roles))
    assert login == f"aws configure mfa-login --profile {USER} --update-profile {USER}-mfa --serial-number {SERIAL}"
    assert f"aws sts get-session-token --profile {USER} --serial-number {SERIAL} " in older
    assert older.endswith("--token-code 123456)")
    assert storing.count(f"--profile {USER}-mfa") == 3


def test_a_hardware_token_shows_codes_too() -> None:
    assert config("GAHT12345678")["profile ResourceCreatorRole"]["mfa_serial"] == "GAHT12345678"


def test_with_a_security_key_one_signs_in_with_the_browser() -> None:
    """The CLI can ask for a code, not for a touch of a security key."""
    said = text(mfa_serial=None)
    assert "mfa_serial" not in said
    assert "get-session-token" not in said
    assert commands(said) == [f"aws login --profile {USER}-login"]
    assert dict(config(mfa_serial=None)["profile ResourceCreatorRole"]) == COMMON | {
        "role_arn": ROLE,
        "source_profile": f"{USER}-login",
        "role_session_name": USER,
    }


def test_the_profile_to_sign_in_with_holds_no_key() -> None:
    """The CLI would take the key, and never the sign-in."""
    assert f"{USER}-login" not in files(text(mfa_serial=None))["~/.aws/credentials"].sections()
    assert dict(config(mfa_serial=None)[f"profile {USER}-login"]) == COMMON


@pytest.mark.parametrize(
    ("serial", "roles", "last"),
    [(SERIAL, (ROLE,), "ResourceCreatorRole"), (SERIAL, (), USER), (None, (ROLE,), USER), (None, (), USER)],
)
def test_the_last_profile_works_without_another_command(serial: str | None, roles: tuple[str, ...], last: str) -> None:
    assert config(serial, roles).sections()[-1] == f"profile {last}"


def test_an_application_s_key_comes_with_its_longest_age_and_without_a_region() -> None:
    said = text(None, (), region=None, longest_key_age_days=90)
    assert list(files(said)) == ["~/.aws/credentials"]
    assert dict(files(said)["~/.aws/credentials"][USER])["aws_access_key_id"] == "AKIAIOSFODNN7EXAMPLE"
    assert "region =" not in said
    assert "90 days" in said
    assert "secret store" in said
    assert "MFA" not in said


def test_the_roles_are_those_of_the_record_s_inline_policies() -> None:
    assert access_keys.assumable_roles(make_record()) == [ROLE]
    assert access_keys.assumable_roles(make_record(profile="auditor")) == []

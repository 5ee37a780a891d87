"""What the claim page shows for the command line, pasted into an empty home, works as it says."""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from local.client import Answer
from tests.workflow import evidence, people

WHO_AM_I = "boto3.Session(profile_name=profile).client('sts').get_caller_identity()['Arn']"
LIST_BUCKETS = "len(boto3.Session(profile_name=profile).client('s3').list_buckets()['Buckets'])"
LIST_USERS = "len(boto3.Session(profile_name=profile).client('iam').list_users()['Users'])"
SESSION = (
    "boto3.Session(profile_name=profile).client('sts')"
    ".get_session_token(SerialNumber={serial!r}, TokenCode={code!r})['Credentials']"
)
CODE = "123456"


@dataclass(frozen=True)
class Home:
    """A home with nothing in it but what was pasted."""

    path: Path
    stack: dict[str, Any]

    def paste(self, cli_config: str) -> None:
        """Each part goes to the end of the file that its comment names."""
        parts = re.split(r"^# (~/\S+)$", cli_config, flags=re.MULTILINE)[1:]
        for name, content in zip(parts[::2], parts[1::2], strict=True):
            file = self.path / name.removeprefix("~/")
            file.parent.mkdir(exist_ok=True)
            with file.open("a") as end:
                end.write(content)

    def says(self, profile: str, expression: str, typed: str = "", **variables: str) -> str:
        """What boto3 in a process of its own makes of an expression, or the code of its error.

        `typed` is what somebody types where a code is asked for.
        """
        script = f"import boto3, sys; profile = sys.argv[1]; print({expression})"
        environment = {"HOME": str(self.path), "PATH": os.environ["PATH"], **variables}
        environment["AWS_ENDPOINT_URL"] = self.stack["endpoint_url"]
        # In a session of its own there is no terminal, so the code is read from what is typed here.
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", script, profile],
            input=f"{typed}\n", env=environment, capture_output=True, text=True, start_new_session=True, check=False,
        )  # fmt: skip
        if done.returncode == 0:
            # Where there is no terminal the question stands before the answer.
            return done.stdout.strip().rpartition(" ")[2] if typed else done.stdout.strip()
        refused = re.search(r"An error occurred \((\w+)\)", done.stderr)
        assert refused, done.stderr
        return refused[1]

    @property
    def serial(self) -> str:
        found = re.search(r"--serial-number (\S+)", (self.path / ".aws/config").read_text())
        assert found
        return found[1]

    def open_session(self, profile: str) -> None:
        """Do what the commands above that profile do: fetch a session, and store it."""
        text = (self.path / ".aws/config").read_text()
        fetching = next(line for line in text.splitlines() if "get-session-token" in line)
        words = shlex.split(fetching.partition("<(")[2].rstrip(")"))
        given = dict(pairwise(words))
        call = SESSION.format(serial=given["--serial-number"], code=given["--token-code"])
        order = given["--query"]
        assert order == "Credentials.[AccessKeyId,SecretAccessKey,SessionToken]"
        values = self.says(
            given["--profile"], f"*map({call}.get, ('AccessKeyId', 'SecretAccessKey', 'SessionToken'))"
        ).split()
        names = re.findall(
            rf'aws configure set (\w+) "\$\w+" --profile {re.escape(profile)}(?: |$)', text, re.MULTILINE
        )
        stored = "\n".join(f"{name} = {value}" for name, value in zip(names, values, strict=True))
        self.paste(f"# ~/.aws/credentials\n\n[{profile}]\n{stored}\n")


@contextmanager
def home_of(onboarding: people.Onboarding) -> Iterator[Home]:
    with TemporaryDirectory() as path:
        home = Home(Path(path), dict(onboarding.stack))
        home.paste(claimed(onboarding).json["cli_config"])
        yield home


def claimed(onboarding: people.Onboarding) -> Answer:
    people.awaited(onboarding, "PENDING_MFA")
    people.enrol(onboarding)
    evidence.completed(onboarding)
    answer = people.claim(onboarding, people.link(onboarding, "Your AWS access key"))
    assert answer.status == 200, answer.body
    return answer


def test_the_role_s_profile_asks_for_a_code_and_becomes_the_role(stack: dict[str, Any]) -> None:
    onboarding = people.requested(stack, "shell", access=["programmatic"])
    with home_of(onboarding) as home:
        assumed = f":assumed-role/ResourceCreatorRole/{onboarding.user_name}"
        assert home.says("ResourceCreatorRole", WHO_AM_I, typed=CODE).endswith(assumed)
        assert home.says("ResourceCreatorRole", LIST_BUCKETS, typed=CODE).isdigit()


def test_the_role_is_reached_by_a_session_with_mfa_as_well(stack: dict[str, Any]) -> None:
    onboarding = people.requested(stack, "session", access=["programmatic"])
    with home_of(onboarding) as home:
        session = f"{onboarding.user_name}-mfa"
        home.open_session(session)
        assert home.says(session, WHO_AM_I).endswith(f"/{onboarding.user_name}")
        assumed = f":assumed-role/ResourceCreatorRole/{onboarding.user_name}"
        assert home.says("ResourceCreatorRole-mfa", WHO_AM_I).endswith(assumed)
        assert home.says("ResourceCreatorRole-mfa", LIST_BUCKETS).isdigit()


def test_without_a_code_the_key_opens_nothing_and_becomes_no_role(stack: dict[str, Any]) -> None:
    onboarding = people.requested(stack, "codeless", access=["programmatic"])
    with home_of(onboarding) as home:
        own = onboarding.user_name
        assert home.says(own, WHO_AM_I).endswith(f"/{own}")
        assert home.says(own, LIST_BUCKETS) == "AccessDenied"
        # As of somebody who has the key's file, and not the device.
        config = home.path / ".aws/config"
        config.write_text(config.read_text().replace(f"mfa_serial = {home.serial}", ""))
        assert home.says("ResourceCreatorRole", WHO_AM_I) == "AccessDenied"
        # A session without a code has no MFA either.
        call = SESSION.format(serial="", code="").replace("SerialNumber='', TokenCode=''", "")
        keys = home.says(own, f"*map({call}.get, ('AccessKeyId', 'SecretAccessKey', 'SessionToken'))").split()
        names = ("aws_access_key_id", "aws_secret_access_key", "aws_session_token")
        stored = "\n".join(f"{name} = {value}" for name, value in zip(names, keys, strict=True))
        home.paste(f"# ~/.aws/credentials\n\n[{own}-mfa]\n{stored}\n")
        assert home.says(f"{own}-mfa", LIST_BUCKETS) == "AccessDenied"
        assert home.says("ResourceCreatorRole-mfa", WHO_AM_I) == "AccessDenied"


def test_who_has_no_role_works_in_a_session_with_mfa(stack: dict[str, Any]) -> None:
    onboarding = people.requested(stack, "reader", "auditor", access=["programmatic"])
    with home_of(onboarding) as home:
        assert home.says(onboarding.user_name, LIST_USERS) == "AccessDenied"
        home.open_session(f"{onboarding.user_name}-mfa")
        assert home.says(f"{onboarding.user_name}-mfa", LIST_USERS).isdigit()


def test_an_application_s_key_works_as_it_is_pasted(stack: dict[str, Any]) -> None:
    onboarding = people.requested(
        stack, "batch", "application", kind="application", access=["programmatic"], justification="nightly batch"
    )
    people.awaited(onboarding, "PENDING_APPROVAL")
    people.approve(onboarding)
    people.awaited(onboarding, "COMPLETE")
    answer = people.claim(onboarding, people.link(onboarding, "Your AWS access key"))
    assert "90 days" in answer.json["cli_config"]
    with TemporaryDirectory() as path:
        home = Home(Path(path), stack)
        home.paste(answer.json["cli_config"])
        named = home.says(onboarding.user_name, WHO_AM_I, AWS_DEFAULT_REGION=stack["region"])
        assert named.endswith(f"/gatehouse/applications/{onboarding.user_name}")

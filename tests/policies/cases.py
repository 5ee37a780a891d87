"""Reads the lists of attempts and of what must work."""

from dataclasses import dataclass
from pathlib import Path

import yaml

from tests.policies.documents import ACCOUNT, REGION

HERE = Path(__file__).parent
WITHOUT_REGION = {"iam", "s3"}
WITHOUT_ACCOUNT = {"s3", "apigateway"}


@dataclass(frozen=True)
class Case:
    action: str
    resource: str
    context: dict[str, str | list[str]]
    why: str
    refused_by: str | None
    listed: bool
    people_only: bool
    # Whose rights are tried; None where the list as a whole says it.
    who: str | None

    def __str__(self) -> str:
        return f"{self.who + ': ' if self.who else ''}{self.action} on {self.resource.split(':', 5)[-1]}: {self.why}"


def read_cases(file: str) -> list[Case]:
    return [
        Case(
            action=line["try"],
            resource=arn(line["at"]),
            context=line.get("with", {}),
            why=line["why"],
            refused_by=line.get("by"),
            listed=not line.get("unlisted", False),
            people_only=line.get("people_only", False),
            who=line.get("who"),
        )
        for line in yaml.safe_load((HERE / file).read_text())
    ]


def arn(short: str) -> str:
    """`iam:user/x` → `arn:aws:iam::123456789012:user/x`"""
    if short == "*" or short.startswith("arn:"):
        return short
    service, rest = short.split(":", 1)
    region = "" if service in WITHOUT_REGION else REGION
    account = "" if service in WITHOUT_ACCOUNT else ACCOUNT
    return f"arn:aws:{service}:{region}:{account}:{rest}"

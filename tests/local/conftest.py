"""Two emulators for the tests of the mends: one mended, one as it comes."""

import io
import json
import uuid
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from local import deploy, process

AS_IT_COMES = pytest.param(
    "bare",
    # A pass here says that this MiniStack no longer needs the mend.
    marks=pytest.mark.xfail(strict=True, reason="MiniStack does otherwise than AWS"),
)


@dataclass(frozen=True)
class Aws:
    """One emulator, seen by its root user or by a person with the policies given."""

    url: str

    @staticmethod
    def policy(*statements: dict[str, Any]) -> str:
        return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})

    def role(self, name: str, trust: dict[str, Any], *statements: dict[str, Any]) -> str:
        """Create a role with one inline policy; returns its ARN."""
        iam = self.client("iam")
        role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=self.policy({"Effect": "Allow", **trust}))
        if statements:
            iam.put_role_policy(RoleName=name, PolicyName="tested", PolicyDocument=self.policy(*statements))
        arn: str = role["Role"]["Arn"]
        return arn

    def client(self, service: str, key: str = "test", secret: str = "test", token: str | None = None) -> Any:
        return deploy.client(service, self.url, key, secret, token)

    def user(self, name: str, *statements: dict[str, Any], path: str = "/") -> dict[str, str]:
        """Create a user with one inline policy; returns the arguments of `client` that sign as that user."""
        iam = self.client("iam")
        iam.create_user(UserName=name, Path=path)
        if statements:
            iam.put_user_policy(UserName=name, PolicyName="tested", PolicyDocument=self.policy(*statements))
        key = iam.create_access_key(UserName=name)["AccessKey"]
        return {"key": key["AccessKeyId"], "secret": key["SecretAccessKey"]}


@pytest.fixture(scope="session")
def emulators(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Aws]]:
    started = {kind: tmp_path_factory.mktemp(kind) for kind in ("mended", "bare")}
    settings = {"mended": {}, "bare": {"GATEHOUSE_MENDS": "off"}}
    try:
        yield {
            kind: Aws(f"http://127.0.0.1:{process.start(state_dir, settings[kind])}")
            for kind, state_dir in started.items()
        }
    finally:
        for state_dir in started.values():
            process.stop(state_dir)


@pytest.fixture(params=["mended", AS_IT_COMES])
def aws(request: pytest.FixtureRequest, emulators: dict[str, Aws]) -> Aws:
    return emulators[request.param]


@pytest.fixture
def function() -> Callable[[str, str], Callable[[Any], Any]]:
    """Make a function of Python code whose `handler` it runs; returns what calls it with an event."""

    def make(url: str, code: str) -> Callable[[Any], Any]:
        client, name = deploy.client("lambda", url), f"f-{uuid.uuid4().hex}"
        trust = json.dumps({"Statement": {"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"}})
        role = deploy.client("iam", url).create_role(RoleName=name, AssumeRolePolicyDocument=trust)["Role"]["Arn"]
        package = io.BytesIO()
        with zipfile.ZipFile(package, "w") as archive:
            archive.writestr("bootstrap", deploy.BOOTSTRAP)
            archive.writestr("code_.py", code)
        client.create_function(
            FunctionName=name,
            Runtime="provided.al2023",
            Handler="code_.handler",
            Role=role,
            Code={"ZipFile": package.getvalue()},
            Timeout=30,
        )
        client.get_waiter("function_active_v2").wait(FunctionName=name, WaiterConfig={"Delay": 0.1})

        def call(event: Any) -> Any:
            return json.loads(client.invoke(FunctionName=name, Payload=json.dumps(event))["Payload"].read())

        call.name = name  # type: ignore[attr-defined]
        return call

    return make

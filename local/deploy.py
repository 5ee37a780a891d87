"""Builds the template, and deploys it to the emulator as one deploys it to AWS: with `sam build` and `sam deploy`."""

import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import boto3
import yaml
from botocore.config import Config

from local.process import REGION, ROOT

STACK = "gatehouse"
CAPABILITIES = ["CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]
# Apart from .aws-sam, so that a build for AWS is never taken for one that only this machine can run.
BUILDS = ROOT / ".local" / "builds"
SOURCES = ("template.yaml", "functions", "statemachine")

# The client of the Runtime API that AWS's own python3.13 runtime runs. The emulator's built-in Python executor
# reports every exception as Runtime.HandlerError, and a Catch names the exception's class.
BOOTSTRAP = f'#!/bin/sh\nexec "{ROOT / ".venv/lambda/bin/python"}" -m awslambdaric "$_HANDLER"\n'
# Two cores may be busy with twenty cold starts, where on AWS each function has its own.
TIMEOUT_SECONDS = 60
# A stack that is coming up from the one before may still read it.
KEPT_BUILDS = 3


class DeployError(Exception):
    """A sam command failed; the message is what it printed."""


def build() -> Path:
    """`sam build`, unless these very sources are built; returns a template that runs on this machine's Python."""
    folder = BUILDS / _digest()
    local = folder / "local.json"
    BUILDS.mkdir(parents=True, exist_ok=True)
    with (BUILDS / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not local.exists():
            _sam("build", "--template-file", str(ROOT / "template.yaml"), "--build-dir", str(folder), "--no-cached")
            local.write_text(json.dumps(_localised(folder), indent=1))
            for stale in sorted(BUILDS.glob("*/"), key=lambda built: built.stat().st_mtime)[:-KEPT_BUILDS]:
                shutil.rmtree(stale)
    return local


def _digest() -> str:
    """Of everything that goes into a build."""
    found = hashlib.sha256(BOOTSTRAP.encode())
    for source in SOURCES:
        for path in sorted((ROOT / source).rglob("*")) or [ROOT / source]:
            if path.is_file() and path.suffix != ".pyc":
                found.update(f"{path.relative_to(ROOT)}\0".encode() + path.read_bytes())
    return found.hexdigest()[:16]


def _localised(folder: Path) -> dict[str, Any]:
    """The built template, its functions started by `BOOTSTRAP`."""
    template: dict[str, Any] = yaml.safe_load((folder / "template.yaml").read_text())
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            properties = resource["Properties"]
            properties["Runtime"] = "provided.al2023"
            properties["Timeout"] = TIMEOUT_SECONDS
            bootstrap = folder / properties["CodeUri"] / "bootstrap"
            bootstrap.write_text(BOOTSTRAP)
            bootstrap.chmod(0o755)
    return template


def deploy(template: Path, endpoint_url: str, state_dir: Path, parameters: Mapping[str, str]) -> dict[str, str]:
    """Deploy what `build` built; returns the stack's outputs."""
    overrides = state_dir / "parameters.yaml"
    overrides.write_text(json.dumps(dict(parameters)))
    _sam(
        "deploy",
        *("--template-file", str(template)),
        *("--stack-name", STACK),
        *("--capabilities", *CAPABILITIES),
        *("--parameter-overrides", f"file://{overrides}"),
        *("--resolve-s3", "--no-confirm-changeset", "--no-fail-on-empty-changeset", "--no-progressbar"),
        endpoint_url=endpoint_url,
    )
    return outputs(endpoint_url)


def change(endpoint_url: str, parameters: Mapping[str, str]) -> dict[str, str]:
    """Give the deployed stack other parameters, as `aws cloudformation update-stack` does; returns its outputs."""
    cloudformation = client("cloudformation", endpoint_url)
    cloudformation.update_stack(
        StackName=STACK,
        UsePreviousTemplate=True,
        Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()],
        Capabilities=CAPABILITIES,
    )
    waiter = cloudformation.get_waiter("stack_update_complete")
    waiter.wait(StackName=STACK, WaiterConfig={"Delay": 0.1, "MaxAttempts": 600})
    return outputs(endpoint_url)


def outputs(endpoint_url: str) -> dict[str, str]:
    stacks = client("cloudformation", endpoint_url).describe_stacks(StackName=STACK)["Stacks"]
    return {output["OutputKey"]: output["OutputValue"] for output in stacks[0].get("Outputs", [])}


def reachable(url: str, endpoint_url: str) -> str:
    """An execute-api address as this machine reaches it: its host name resolves nowhere."""
    return re.sub(r"https?://(\w+)\.execute-api\.[^/]+", rf"{endpoint_url}/_aws/execute-api/\1", url)


def client(
    service: str,
    endpoint_url: str,
    key: str = "test",
    secret: str = "test",  # noqa: S107
    token: str | None = None,
) -> Any:
    """A boto3 client of the local stack; without a key the account's root, whom no policy binds."""
    return boto3.client(  # type: ignore[call-overload]
        service,
        endpoint_url=endpoint_url,
        region_name=REGION,
        aws_access_key_id=key,
        aws_secret_access_key=secret,
        aws_session_token=token,
        config=Config(retries={"mode": "standard", "max_attempts": 3}),
    )


def _sam(*arguments: str, endpoint_url: str = "http://127.0.0.1:1") -> None:
    """Run sam against the emulator and nothing else: without the caller's AWS settings, or any telemetry."""
    tools = ROOT / ".venv" / "dev" / "bin"
    caller = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    environment = caller | {
        "PATH": f"{tools}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        "SAM_CLI_TELEMETRY": "0",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ENDPOINT_URL": endpoint_url,
        # Seconds; the emulator has finished before the default of 5 is over.
        "SAM_CLI_POLL_DELAY": "0.3",
    }
    done = subprocess.run(
        [tools / "sam", *arguments],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        raise DeployError(f"sam {arguments[0]} failed:\n{done.stdout}")

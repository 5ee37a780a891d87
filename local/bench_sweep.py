"""Sweeps accounts of many users with Gatehouse and with its peers, in turn, and prints what each took.

    python -m local.bench_sweep [--users 100,1000,5000] [--without prowler]

Each tool runs in an environment of its own, as a whole process, on the same server; nothing of it is kept. No figure
makes it fail: on a busy machine everything is slow.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
from rich.console import Console
from rich.table import Table

from local import cold_start, deploy, process
from local.process import ROOT

PRINTED_WIDTH = 130
LONGEST_RUN_SECONDS = 1800

AIMS = {"custodian": 15, "prowler": 60}
"""How many times faster than its peers a sweep should be."""

CUSTODIAN_POLICIES = {
    "credential": [
        {"type": "credential", "key": "password_enabled", "value": True},
        {"type": "credential", "key": "mfa_active", "value": False},
    ],
    "mfa-device": [
        {"type": "credential", "key": "password_enabled", "value": True},
        {"type": "mfa-device", "key": "MFADevices", "value": "empty"},
    ],
}


@dataclass(frozen=True)
class Tool:
    """`command` is given the folder it may write to; `found` reads from there who has a password and no MFA."""

    name: str
    command: Callable[[Path], Sequence[str]]
    found: Callable[[Path], set[str]]


@dataclass(frozen=True)
class Account:
    """What a tool finds: users, seconds that every call takes, and calls that IAM answers in a second (0: no limit)."""

    users: int
    latency: float = 0
    rate: float = 0

    def __str__(self) -> str:
        limits = f", {self.latency * 1000:.0f} ms a call, {self.rate:.0f} calls a second" if self.rate else ""
        return f"{self.users} users{limits}"


@dataclass(frozen=True)
class Run:
    """What one tool took; `missed` and `wrongly` count users on whom it is not of the account's opinion."""

    tool: str
    calls: int
    throttled: int
    seconds: float
    cpu: float
    megabytes: float
    missed: int
    wrongly: int
    failed: str | None


def main() -> None:
    arguments = _arguments()
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = PRINTED_WIDTH
    console.print(f"{psutil.cpu_count()} processors, load {os.getloadavg()[0]:.1f}")
    try:
        _bench(console, arguments)
    except (deploy.DeployError, process.EmulatorError) as failure:
        sys.exit(str(failure))
    except KeyboardInterrupt:
        sys.exit(130)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Compares a sweep with Cloud Custodian and Prowler.")
    parser.add_argument("--users", default="100,1000,5000", help="sizes of the accounts, separated by commas")
    parser.add_argument(
        "--limited", default=1000, type=int, help="size of the account that is slow and limited; 0: none"
    )
    parser.add_argument("--without", action="append", default=[], help="a tool to leave out")
    return parser.parse_args()


def _bench(console: Console, arguments: argparse.Namespace) -> None:
    template = deploy.build()
    with tempfile.TemporaryDirectory() as scratch:
        tools = [
            tool for tool in _tools(cold_start.package(template, Path(scratch))) if _wanted(tool, arguments.without)
        ]
        accounts = [Account(users) for users in map(int, arguments.users.split(","))]
        runs = {account: _compare(console, account, tools) for account in accounts}
        if arguments.limited:
            limited = Account(arguments.limited, latency=0.04, rate=20)
            # Prowler asks for several things of every user: at 20 calls a second it would take an hour.
            runs[limited] = _compare(console, limited, [tool for tool in tools if tool.name != "prowler"])
    _print_aims(console, runs)


def _wanted(tool: Tool, without: Sequence[str]) -> bool:
    return not any(tool.name.startswith(name) for name in without)


def _tools(package: Path) -> Iterator[Tool]:
    lambda_python = str(ROOT / ".venv" / "lambda" / "bin" / "python")
    probe = str(ROOT / "local" / "sweep_probe.py")
    yield Tool("gatehouse", lambda out: [lambda_python, "-I", probe, str(package), str(out)], _names)
    for name in CUSTODIAN_POLICIES:
        yield Tool(f"custodian {name}", lambda out, name=name: _custodian(out, name), _custodian_found)  # type: ignore[misc]
    yield Tool("prowler", _prowler, _prowler_found)


def _names(out: Path) -> set[str]:
    return set(json.loads((out / "names.json").read_text()))


def _custodian(out: Path, name: str) -> Sequence[str]:
    policy = {"name": "without-mfa", "resource": "aws.iam-user", "filters": CUSTODIAN_POLICIES[name]}
    policies = out / "policies.json"
    policies.write_text(json.dumps({"policies": [policy]}))
    program = str(ROOT / ".venv" / "custodian" / "bin" / "custodian")
    return [program, "run", "--region", process.REGION, "--cache-period", "0", "-s", str(out), str(policies)]


def _custodian_found(out: Path) -> set[str]:
    found = json.loads((out / "without-mfa" / "resources.json").read_text())
    return {user["UserName"] for user in found}


def _prowler(out: Path) -> Sequence[str]:
    program = str(ROOT / ".venv" / "prowler" / "bin" / "prowler")
    check = ["--check", "iam_user_mfa_enabled_console_access", "--region", process.REGION]
    return [
        program,
        "aws",
        *check,
        "--no-banner",
        "-M",
        "json-ocsf",
        "-o",
        str(out),
        "-F",
        "found",
        "--ignore-exit-code-3",
    ]


def _prowler_found(out: Path) -> set[str]:
    found = json.loads((out / "found.ocsf.json").read_text())
    return {one["resources"][0]["name"] for one in found if one["status_code"] == "FAIL"}


def _compare(console: Console, account: Account, tools: Sequence[Tool]) -> list[Run]:
    with tempfile.TemporaryDirectory() as state_dir, _serving(account, Path(state_dir)) as address:
        runs = []
        for tool in tools:
            with console.status(f"{account}: {tool.name}"):
                runs.append(_run(tool, address))
    console.print(_table(account, runs))
    return runs


@contextmanager
def _serving(account: Account, state_dir: Path) -> Iterator[str]:
    program = ("local.sweep_account", str(account.users), str(account.latency), str(account.rate))
    try:
        port = process.start(state_dir, {"AUTH": "false", "LOG_LEVEL": "WARNING"}, program)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.stop(state_dir)


def _run(tool: Tool, address: str) -> Run:
    _counted(address)
    with tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch)
        command = tool.command(out)
        with (out / "log").open("wb") as log:
            began = time.monotonic()
            child = subprocess.Popen(
                command, cwd=out, env=_environment(address, out), stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
            megabytes = _most_memory(child.pid)
            _, status, usage = os.wait4(child.pid, 0)
            seconds = time.monotonic() - began
            child.returncode = os.waitstatus_to_exitcode(status)
        calls, without_mfa = _counted(address)
        failed, found = None, set[str]()
        try:
            found = tool.found(out)
        except (OSError, ValueError, LookupError) as error:
            failed = f"ended with {child.returncode}: {type(error).__name__}; {_last_words(out / 'log')}"
    return Run(
        tool=tool.name,
        calls=sum(count for name, count in calls.items() if name != "throttled"),
        throttled=calls.get("throttled", 0),
        seconds=seconds,
        cpu=usage.ru_utime + usage.ru_stime,
        megabytes=megabytes,
        missed=len(without_mfa - found),
        wrongly=len(found - without_mfa),
        failed=failed,
    )


def _most_memory(pid: int) -> float:
    """Waits for the process's end, looking at the most that it has had resident, in MB.

    What wait4 tells of that includes the process that started it.
    """
    kilobytes = 0
    while os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is None:
        with suppress(OSError):
            peak = re.search(r"^VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
            kilobytes = max(kilobytes, int(peak[1]) if peak else 0)
        time.sleep(0.02)
    return kilobytes / 1024


def _environment(address: str, home: Path) -> dict[str, str]:
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "AWS_ENDPOINT_URL": address,
        "AWS_DEFAULT_REGION": process.REGION,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_EC2_METADATA_DISABLED": "true",
        "POWERTOOLS_SERVICE_NAME": "bench",
    }


def _counted(address: str) -> tuple[dict[str, int], set[str]]:
    """What was called since the last look, and who has a password and no MFA."""
    with urllib.request.urlopen(f"{address}/calls", timeout=60) as answer:
        document = json.load(answer)
    return document["calls"], set(document["without_mfa"])


def _last_words(log: Path) -> str:
    return " ".join(log.read_text(errors="replace").split())[-300:]


def _table(account: Account, runs: Sequence[Run]) -> Table:
    shown = Table(title=str(account), title_justify="left", title_style="bold")
    for heading in ("", "calls", "throttled", "wall s", "CPU s", "MB", "agrees", "times Gatehouse"):
        shown.add_column(heading, justify="left" if heading in ("", "agrees") else "right")
    ours = next((run.seconds for run in runs if run.tool == "gatehouse"), 0)
    for run in runs:
        agrees = run.failed or ("yes" if not run.missed + run.wrongly else f"misses {run.missed}, adds {run.wrongly}")
        ratio = f"{run.seconds / ours:.1f}" if ours else ""
        figures = (f"{run.seconds:.1f}", f"{run.cpu:.1f}", f"{run.megabytes:.0f}")
        shown.add_row(run.tool, str(run.calls), str(run.throttled), *figures, agrees, ratio)
    return shown


def _print_aims(console: Console, runs: dict[Account, list[Run]]) -> None:
    """Beside what the design wants: calls and memory at the largest account, and how much faster it should be."""
    unlimited = [account for account in runs if not account.rate]
    least, most = min(unlimited, key=lambda one: one.users), max(unlimited, key=lambda one: one.users)
    ours = {account: found[0] for account, found in runs.items() if found and found[0].tool == "gatehouse"}
    if not {least, most} <= ours.keys():
        return
    shown = Table(title="Aims", title_justify="left", title_style="bold")
    for heading in ("", "measured", "aim"):
        shown.add_column(heading)
    shown.add_row(f"calls, {most}", str(ours[most].calls), "≤ 12, and a look at each who is acted on")
    shown.add_row(f"calls({most.users}) / calls({least.users})", f"{ours[most].calls / ours[least].calls:.1f}", "≤ 3")
    shown.add_row(f"memory, {most}", f"{ours[most].megabytes:.0f} MB", "≤ 64 MB")
    for account in (most, *(one for one in runs if one.rate)):
        for run in runs[account][1:]:
            aim = next(aim for peer, aim in AIMS.items() if run.tool.startswith(peer))
            times = f"{run.seconds / ours[account].seconds:.1f} times"
            shown.add_row(f"faster than {run.tool}, {account}", times, f"≥ {aim} times")
    console.print(shown)


if __name__ == "__main__":
    main()

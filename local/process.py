"""Starts the emulator as a process of its own, and ends it with everything that it started."""

import contextlib
import os
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parent.parent
PYTHON = ROOT / ".venv" / "emulator" / "bin" / "python"

ACCOUNT = "123456789012"
# IAM's events reach EventBridge in this Region only.
REGION = "us-east-1"
FIRST_PORT = 4566

# The emulator hands its environment to the functions, so this names every process of one stack, whoever
# started it and whether or not a state file survived.
MARKER = "GATEHOUSE_STATE_DIR"

_PATIENCE_SECONDS = 60


class EmulatorError(Exception):
    """The emulator did not come up; the message ends with what it logged last."""


def start(state_dir: Path, extra: dict[str, str], program: Sequence[str] = ("local.emulator",)) -> int:
    """Start the emulator on the first free port from 4566 on, wait until it answers, and return the port.

    `program` is the module that serves it, with its arguments.
    """
    temp = state_dir / "tmp"
    temp.mkdir(parents=True, exist_ok=True)
    log = state_dir / "emulator.log"
    with _free_port() as listener, log.open("wb") as output:
        port: int = listener.getsockname()[1]
        process = subprocess.Popen(
            [PYTHON, "-m", *program],
            cwd=ROOT,
            env=_environment(state_dir, temp, port, listener.fileno()) | extra,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            pass_fds=[listener.fileno()],
            start_new_session=True,
        )
    _wait(process, port, log)
    return port


def stop(state_dir: Path) -> int:
    """End every process of the stack whose state is in `state_dir`; returns how many there were.

    Asks first and insists after two seconds. A process that is born meanwhile is found in the next round.
    """
    ended: set[int] = set()
    while processes := list(belonging_to(state_dir)):
        ended |= {process.pid for process in processes}
        if not _ended(processes, psutil.Process.terminate, patience=2):
            _ended(processes, psutil.Process.kill, patience=5)
    shutil.rmtree(state_dir / "tmp", ignore_errors=True)
    return len(ended)


def belonging_to(state_dir: Path) -> Iterator[psutil.Process]:
    """The emulator of that state directory and the functions that it runs."""
    for process in psutil.process_iter():
        try:
            if _alive(process) and process.environ().get(MARKER) == str(state_dir):
                yield process
        except (psutil.Error, OSError):
            continue  # gone meanwhile, or another user's


def _ended(processes: list[psutil.Process], signal: Callable[[psutil.Process], None], patience: float) -> bool:
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            signal(process)
    deadline = time.monotonic() + patience
    while any(_alive(process) for process in processes):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def _alive(process: psutil.Process) -> bool:
    """A zombie has ended, whether or not somebody has collected it."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _free_port() -> socket.socket:
    """A socket bound to a free port. The emulator inherits it, so nobody can take the port in between."""
    for port in range(FIRST_PORT, FIRST_PORT + 200):
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
            # By SO_REUSEADDR two sockets may be bound to one port, as long as neither of them listens.
            listener.listen(512)
        except OSError:
            listener.close()
        else:
            return listener
    raise EmulatorError(f"no free port from {FIRST_PORT} to {FIRST_PORT + 199}")


def _environment(state_dir: Path, temp: Path, port: int, listener: int) -> dict[str, str]:
    """What the emulator and, through it, the functions see: nothing of the caller's AWS settings."""
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(temp),
        "TMPDIR": str(temp),
        "LANG": "C.UTF-8",
        MARKER: str(state_dir),
        "GATEHOUSE_SOCKET": str(listener),
        "GATEWAY_PORT": str(port),
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_DEFAULT_REGION": REGION,
        "MINISTACK_REGION": REGION,
        "MINISTACK_ACCOUNT_ID": ACCOUNT,
        "AUTH": "true",
        # Brokers that nobody asked for.
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        # It would clear away containers of its own kind; this stack has none.
        "DOCKER_HOST": "unix:///nonexistent",
        # More than two cores can start at once would time out while starting; fewer deadlock on each other.
        "LAMBDA_ACCOUNT_CONCURRENCY": "32",
        "LOG_LEVEL": "INFO",
    }


def _wait(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/_ministack/health", timeout=2):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    tail = "\n".join(log.read_text(errors="replace").splitlines()[-20:])
    raise EmulatorError(f"the emulator did not come up on port {port}:\n{tail}")

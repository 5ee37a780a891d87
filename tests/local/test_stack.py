"""The local stack comes up beside whatever runs, and goes without a trace."""

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from local import process, stack


@pytest.fixture
def state_dir(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    process.stop(tmp_path)


@pytest.fixture
def working(state_dir: Path, function: Any) -> list[psutil.Process]:
    """The processes of an emulator in which a function has been called and waits for more."""
    call = function(f"http://127.0.0.1:{process.start(state_dir, {})}", "def handler(event, context): return event")
    assert call({"called": True}) == {"called": True}
    processes = list(process.belonging_to(state_dir))
    assert len(processes) >= 2
    return processes


def test_a_busy_port_is_stepped_round(state_dir: Path) -> None:
    with ExitStack() as held:
        with suppress(OSError):  # somebody else keeps it busy, which serves as well
            busy = held.enter_context(socket.create_server(("127.0.0.1", process.FIRST_PORT)))
            busy.listen()
        assert process.start(state_dir, {}) > process.FIRST_PORT


def test_a_port_that_somebody_else_takes_meanwhile_is_stepped_round(
    state_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as rival:
        rival.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        rival.bind(("127.0.0.1", 0))
        port = rival.getsockname()[1]

        class Slower(socket.socket):
            def bind(self, address: Any) -> None:
                super().bind(address)
                rival.listen()

        with monkeypatch.context() as patched:
            patched.setattr(process, "FIRST_PORT", port)
            patched.setattr(socket, "socket", Slower)
            found = process._free_port()
        with found:
            assert found.getsockname()[1] > port


def test_two_emulators_run_side_by_side(state_dir: Path) -> None:
    ports = {process.start(state_dir / name, {}) for name in ("one", "two")}
    try:
        assert len(ports) == 2
        assert process.stop(state_dir / "one") == 1
        assert any(process.belonging_to(state_dir / "two"))
    finally:
        process.stop(state_dir / "one")
        process.stop(state_dir / "two")


def test_the_emulator_listens_on_this_machine_alone(working: list[psutil.Process]) -> None:
    listening = [
        connection.laddr.ip
        for each in working
        for connection in each.net_connections()
        if connection.status == psutil.CONN_LISTEN
    ]
    assert set(listening) == {"127.0.0.1"}


def test_down_ends_the_emulator_and_its_functions(state_dir: Path, working: list[psutil.Process]) -> None:
    assert stack.down(state_dir) == len(working)
    assert not any(process.belonging_to(state_dir))
    assert not (state_dir / "tmp").exists()


def test_down_ends_what_a_killed_emulator_left(state_dir: Path, working: list[psutil.Process]) -> None:
    emulator = next(each for each in working if "local.emulator" in each.cmdline())
    emulator.kill()
    gone = time.monotonic() + 5
    while emulator.is_running() and emulator.status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < gone
        time.sleep(0.02)
    stack.down(state_dir)
    assert not any(process.belonging_to(state_dir))


def test_down_with_nothing_running_clears_a_stale_state_file(state_dir: Path) -> None:
    (state_dir / "stack.json").write_text('{"mail_url": "http://127.0.0.1:1/"}')
    assert stack.down(state_dir) == 0
    assert not (state_dir / "stack.json").exists()


def test_an_emulator_that_cannot_start_says_why(state_dir: Path) -> None:
    with pytest.raises(process.EmulatorError, match="could not convert string to float: 'no number'"):
        process.start(state_dir, {"LAMBDA_WARM_TTL_SECONDS": "no number"})
    assert not any(process.belonging_to(state_dir))

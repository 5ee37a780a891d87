"""The functions' processes on the local stack: what each has used so far."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

from local import process


@dataclass(frozen=True)
class Worker:
    """`cpu` in seconds of user and system time since its start, `peak` in bytes of resident memory."""

    function: str
    cpu: float
    peak: int


def running(state_dir: Path) -> Iterator[Worker]:
    """Those of the stack whose state is in `state_dir`."""
    for found in process.belonging_to(state_dir):
        try:
            function = found.environ().get("AWS_LAMBDA_FUNCTION_NAME")
            times = found.cpu_times()
            if function:
                yield Worker(function.rsplit("-", 1)[-1], times.user + times.system, _peak(found))
        except psutil.Error:
            continue  # gone meanwhile


def _peak(found: psutil.Process) -> int:
    """What Linux calls the high water mark; where there is none, what it has now."""
    status = Path(f"/proc/{found.pid}/status")
    lines = status.read_text().splitlines() if status.exists() else []
    marks = [int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:")]
    return marks[0] if marks else int(found.memory_info().rss)

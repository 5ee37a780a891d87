"""What a cold start costs: the CPU time of a fresh process, beside that of a bare function with the same clients."""

import ast
import os
import shutil
import statistics
import subprocess
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from local.process import REGION, ROOT

PYTHON = ROOT / ".venv" / "lambda" / "bin" / "python"
PROBE = Path(__file__).with_name("cold_probe.py")
RUNS = 15


@dataclass(frozen=True)
class Function:
    """A function of the template with the services whose clients its handler makes."""

    name: str
    handler: str
    kind: str
    services: tuple[str, ...]


@dataclass(frozen=True)
class ColdStart:
    """Medians over the runs, in seconds of user and system time; `fastest` is the ratio of the quickest ones."""

    function: Function
    bare: float
    ours: float
    fastest: float

    @property
    def ratio(self) -> float:
        return self.ours / self.bare


def package(template: Path, into: Path) -> Path:
    """A copy of the package that `template` (one that sam built) ships, with bytecode as a build for AWS has it.

    The build compiles for Lambda's Python, if that is there; this compiles for the one that stands in for it.
    """
    code_uri = next(_functions(template))[1]["CodeUri"]
    copy = into / "package"
    shutil.copytree(template.parent / code_uri, copy, ignore=shutil.ignore_patterns("bootstrap", "__pycache__"))
    mode = ("--invalidation-mode", "unchecked-hash")
    subprocess.run([PYTHON, "-m", "compileall", "-q", *mode, "-s", copy, "-p", "/var/task", copy], check=True)
    return copy


def zipped(folder: Path, into: Path) -> int:
    """Bytes of the folder as sam uploads it."""
    archive = into / "package.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as written:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                written.write(path, path.relative_to(folder))
    return archive.stat().st_size


def functions(template: Path, folder: Path) -> list[Function]:
    """The steps and the functions behind an API; other edges start when nobody waits."""
    found = []
    for name, properties in _functions(template):
        handler: str = properties["Handler"]
        behind_api = any(event["Type"] == "Api" for event in properties.get("Events", {}).values())
        if behind_api or handler.startswith("gatehouse.steps."):
            services = tuple(_services(folder / Path(*handler.split(".")[:-1]).with_suffix(".py")))
            name = name.removesuffix("Function")
            found.append(Function(name, handler, "API function" if behind_api else "step", services))
    return found


def measure(found: Sequence[Function], folder: Path, told: Callable[[int], None]) -> list[ColdStart]:
    """Start every function and its bare likeness in turn, RUNS times; `told` hears of every round.

    In turn, so that whatever else the machine does meanwhile slows down both. Two functions at a time: what is measured
    is not the time that it takes.
    """
    samples: dict[Function, list[tuple[float, float]]] = {function: [] for function in found}

    def once(function: Function) -> tuple[float, float]:
        return _start(function.services), _start(function.services, folder, function.handler)

    with ThreadPoolExecutor(2) as pool:
        for number in range(RUNS):
            told(number)
            for function, sample in zip(found, pool.map(once, found), strict=True):
                samples[function].append(sample)
    return [_summed_up(function, *zip(*samples[function], strict=True)) for function in found]


def _summed_up(function: Function, bare: Sequence[float], ours: Sequence[float]) -> ColdStart:
    return ColdStart(function, statistics.median(bare), statistics.median(ours), min(ours) / min(bare))


def _start(services: Sequence[str], folder: Path | None = None, handler: str = "") -> float:
    """CPU seconds of one process, from its start to its end."""
    what = [str(folder), handler] if folder else []
    process = subprocess.Popen([PYTHON, "-I", PROBE, ",".join(services), *what], env=_ENVIRONMENT)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{handler or 'the bare function'} did not start: {process.returncode}")
    return usage.ru_utime + usage.ru_stime


_ENVIRONMENT = {
    "PATH": os.defpath,
    "AWS_DEFAULT_REGION": REGION,
    "AWS_ACCESS_KEY_ID": "none",
    "AWS_SECRET_ACCESS_KEY": "none",
    "POWERTOOLS_SERVICE_NAME": "gatehouse",
    "POWERTOOLS_METRICS_NAMESPACE": "Gatehouse",
    "PYTHONDONTWRITEBYTECODE": "1",
}


def _functions(template: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    resources = yaml.safe_load(template.with_name("template.yaml").read_text())["Resources"]
    for name, resource in resources.items():
        if resource["Type"] == "AWS::Serverless::Function":
            yield name, resource["Properties"]


def _services(module: Path) -> list[str]:
    """The services named in a handler's calls of `client`, and of `clients` in a module that it hands `client` to."""
    calls = _calls(module)
    handed = {
        call.func.value.id
        for call in calls
        if isinstance(call.func, ast.Attribute) and isinstance(call.func.value, ast.Name) and "client" in _names(call)
    }
    named = {*_asked_of("client", calls)}
    for path in module.parents[1].rglob("*.py"):
        if path.stem in handed:
            named |= {*_asked_of("clients", _calls(path))}
    return sorted(named)


def _calls(module: Path) -> list[ast.Call]:
    return [node for node in ast.walk(ast.parse(module.read_text())) if isinstance(node, ast.Call)]


def _names(call: ast.Call) -> set[str]:
    return {argument.id for argument in call.args if isinstance(argument, ast.Name)}


def _asked_of(maker: str, calls: list[ast.Call]) -> Iterator[str]:
    for call in calls:
        if isinstance(call.func, ast.Name) and call.func.id == maker and isinstance(call.args[0], ast.Constant):
            yield str(call.args[0].value)

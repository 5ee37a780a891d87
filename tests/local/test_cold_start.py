"""A cold start is measured for every step and every API function, with the clients that it really makes."""

import re
from pathlib import Path

import pytest

from local import cold_start, deploy
from local.process import ROOT


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, cold_start.Function]:
    template = deploy.build()
    folder = cold_start.package(template, tmp_path_factory.mktemp("package"))
    return {function.name: function for function in cold_start.functions(template, folder)}


def test_every_step_is_measured(found: dict[str, cold_start.Function]) -> None:
    text = "".join(path.read_text() for path in (ROOT / "statemachine").glob("*.asl.json"))
    called = set(re.findall(r"\$\{(\w+)FunctionArn\}", text))
    assert {name for name, function in found.items() if function.kind == "step"} == called


def test_every_api_function_is_measured_and_no_other_edge(found: dict[str, cold_start.Function]) -> None:
    others = {name for name, function in found.items() if function.kind == "API function"}
    assert {"SubmitOnboarding", "ClaimSecret", "ServeClaimPage"} <= others
    assert not {"FollowUp", "MfaDeviceEnabled"} & set(found)


def test_the_clients_are_those_that_the_handler_names(tmp_path: Path) -> None:
    module = tmp_path / "edges" / "handler.py"
    module.parent.mkdir()
    module.write_text('client("iam").list_users(); client("sesv2", retries=False); other("kms"); client("iam")\n')
    assert cold_start._services(module) == ["iam", "sesv2"]


def test_the_clients_of_a_module_that_is_handed_how_to_make_them_count_as_well(tmp_path: Path) -> None:
    handler, module = tmp_path / "edges" / "handler.py", tmp_path / "looks" / "health.py"
    for path, text in ((handler, "health.look(client, 1)"), (module, 'clients("lambda"); client("kms")')):
        path.parent.mkdir()
        path.write_text(text)
    assert cold_start._services(handler) == ["lambda"]


def test_the_package_is_compiled_for_the_interpreter_that_runs_it(tmp_path: Path) -> None:
    folder = cold_start.package(deploy.build(), tmp_path)
    assert list((folder / "gatehouse" / "__pycache__").glob("model.*.pyc"))
    assert cold_start.zipped(folder, tmp_path) > 100_000

"""What a function reads from its environment is what the template sets there."""

import importlib
from dataclasses import fields

import pytest

from gatehouse.compliance import accounts, cases, measures
from gatehouse.edges import expire_claim, janitor
from gatehouse.model import Status
from gatehouse.steps import roll_back
from local import sample_sweep
from tests.wiring import code
from tests.wiring.template import Function, functions, of_type, template

FUNCTIONS = pytest.mark.parametrize("function", functions().values(), ids=functions())
SHARED = set(template()["Globals"]["Function"]["Environment"]["Variables"])
OF_SWEEPS = {"request_credential_report", "evaluate_account", "act_on_users", "publish_report"}
OF_SWEEPS |= {"list_accounts", "sweep_account", "publish_accounts_report"}
# Read by Powertools, by these names.
BY_POWERTOOLS = {"POWERTOOLS_SERVICE_NAME", "POWERTOOLS_METRICS_NAMESPACE", "POWERTOOLS_LOG_LEVEL"}


def read_by(function: Function) -> set[str]:
    module = importlib.import_module(function.module)
    declared = getattr(module, "Settings", None)
    return {field.name.upper() for field in fields(declared)} if declared else set()


@FUNCTIONS
def test_every_variable_that_is_read_is_set(function: Function) -> None:
    assert read_by(function) <= set(function.environment)


@FUNCTIONS
def test_every_variable_that_is_set_is_read(function: Function) -> None:
    assert set(function.own_environment) <= read_by(function)


def test_what_is_set_for_all_is_read_by_most() -> None:
    readers = {name: [function for function in functions().values() if name in read_by(function)] for name in SHARED}
    assert all(len(readers[name]) > len(functions()) / 2 for name in SHARED - BY_POWERTOOLS)


@FUNCTIONS
def test_nobody_sets_again_what_is_set_for_all(function: Function) -> None:
    assert not set(function.own_environment) & SHARED


def test_the_environment_is_read_in_one_place() -> None:
    readers = {name for name, module in code.modules().items() if "os" in code.imported(module)}
    assert readers == {"settings"}


def test_every_log_group_forgets_in_the_end() -> None:
    groups = of_type("AWS::Logs::LogGroup")
    assert groups
    assert all(group["Properties"]["RetentionInDays"] for group in groups.values())


def test_every_function_logs_into_the_group_that_forgets() -> None:
    shared = template()["Globals"]["Function"]
    assert shared["LoggingConfig"] == {"LogGroup": {"Ref": "FunctionLogGroup"}}
    own = [name for name, one in of_type("AWS::Serverless::Function").items() if "LoggingConfig" in one["Properties"]]
    assert own == []


def test_an_alarm_counts_what_the_code_counts() -> None:
    ends = {status.error_name for status in Status} | set(janitor.METRICS)
    counted = ends | {measure.name for measure in measures.of(sample_sweep.made_up(0)) if not measure.dimension}
    counted |= {measure.name for measure in accounts.measures(accounts.of("id", "", [], []))}
    ours = [
        alarm["Properties"]
        for alarm in of_type("AWS::CloudWatch::Alarm").values()
        if alarm["Properties"].get("Namespace") == "Gatehouse"
    ]
    watched = {alarm["MetricName"] for alarm in ours}
    assert watched & ends == {"Failed", "OrphansLeft", "RollbackIncomplete"}
    assert watched <= counted
    service = template()["Globals"]["Function"]["Environment"]["Variables"]["POWERTOOLS_SERVICE_NAME"]
    assert all(alarm["Dimensions"] == [{"Name": "service", "Value": service}] for alarm in ours)


def test_an_api_s_function_answers_before_the_gateway_gives_up() -> None:
    resources = of_type("AWS::Serverless::Function")
    behind_apis = {
        name: one["Properties"]
        for name, one in resources.items()
        if any(event["Type"] == "Api" for event in one["Properties"].get("Events", {}).values())
    }
    assert len(behind_apis) == 14
    assert all(properties["Timeout"] <= 29 for properties in behind_apis.values())


@pytest.mark.parametrize("stem", ["act_on_users", "lift_restriction", "restore_user"])
def test_a_user_is_held_for_longer_than_who_holds_it_may_run(stem: str) -> None:
    own = template()["Resources"][functions()[stem].logical_id]["Properties"]
    assert own.get("Timeout", template()["Globals"]["Function"]["Timeout"]) < cases.HELD_SECONDS


def test_what_one_call_has_taken_no_other_takes_while_it_runs() -> None:
    own = template()["Resources"]["ExpireClaimFunction"]["Properties"]
    timeout = own.get("Timeout", template()["Globals"]["Function"]["Timeout"])
    assert 2 * timeout <= expire_claim.TAKEN_SECONDS


def test_roll_back_waits_as_long_as_a_step_may_run() -> None:
    steps = {stem: function for stem, function in functions().items() if function.package == "steps"}
    resources = template()["Resources"]
    default = template()["Globals"]["Function"]["Timeout"]
    timeouts = {stem: resources[one.logical_id]["Properties"].get("Timeout", default) for stem, one in steps.items()}
    patience = timeouts.pop("roll_back")
    # What a sweep does, no roll-back undoes.
    timeouts = {stem: seconds for stem, seconds in timeouts.items() if stem not in OF_SWEEPS}
    assert set(timeouts.values()) == {roll_back.STEP_SECONDS}
    assert set(timeouts) == set(roll_back._STEPS)
    assert patience > 2 * roll_back.STEP_SECONDS

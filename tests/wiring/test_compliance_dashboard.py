"""What the dashboard shows and the alarms watch is what a sweep counts."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from gatehouse.compliance import accounts, measures
from gatehouse.compliance.model import Kind
from gatehouse.compliance.rules import RULES
from local import sample_sweep
from tests.wiring.template import of_type, template

MEASURES = measures.of(sample_sweep.made_up(0))
COUNTED = {one.name for one in MEASURES if not one.dimension}
OF_ACCOUNTS = {one.name for one in accounts.measures(accounts.of("id", "", [], []))}
ALARMS = {
    name: alarm["Properties"]
    for name, alarm in of_type("AWS::CloudWatch::Alarm").items()
    if "-compliance-" in alarm["Properties"]["AlarmName"]["Fn::Sub"]
}


def body() -> dict[str, Any]:
    """The dashboard; references stand in it as `${…}`."""
    text = template()["Resources"]["ComplianceDashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]
    return dict(json.loads(text))


def metrics(widget: dict[str, Any]) -> Iterator[list[Any]]:
    """Its metrics as lists of namespace, name, dimensions; `.` and `...` stand for what the one before had there."""
    before: list[Any] = []
    for metric in widget["properties"].get("metrics", ()):
        told = [part for part in metric if not isinstance(part, dict)]
        if told[:1] == ["..."]:
            told = before[: len(before) - len(told) + 1] + told[1:]
        before = [old if new == "." else new for new, old in zip(told, before + told[len(before) :], strict=False)]
        yield before


def test_the_dashboard_shows_what_is_counted() -> None:
    shown = [metric for widget in body()["widgets"] for metric in metrics(widget) if metric]
    assert {metric[0] for metric in shown} == {"Gatehouse"}
    assert {metric[1] for metric in shown} <= COUNTED
    assert {tuple(metric[2:4]) for metric in shown} == {("service", "${AWS::StackName}")}
    by_severity = {metric[5] for metric in shown if len(metric) > 4}
    assert by_severity == {rule.severity for rule in RULES.values()}


def test_the_dashboard_shows_every_alarm_about_compliance() -> None:
    (alarms,) = [widget["properties"]["alarms"] for widget in body()["widgets"] if widget["type"] == "alarm"]
    assert set(alarms) == {f"${{{name}.Arn}}" for name in ALARMS}
    assert len(ALARMS) == 8


def test_the_widgets_lie_beside_each_other() -> None:
    taken = [
        (x, y)
        for widget in body()["widgets"]
        for x in range(widget["x"], widget["x"] + widget["width"])
        for y in range(widget["y"], widget["y"] + widget["height"])
    ]
    assert len(taken) == len(set(taken))
    assert max(x for x, _ in taken) == 23


@pytest.mark.parametrize("name", [name for name, alarm in ALARMS.items() if alarm.get("Namespace") == "Gatehouse"])
def test_an_alarm_watches_a_number_that_every_sweep_tells(name: str) -> None:
    alarm = ALARMS[name]
    assert alarm["MetricName"] in COUNTED | OF_ACCOUNTS
    assert alarm["Dimensions"] == [{"Name": "service", "Value": {"Ref": "AWS::StackName"}}]
    overdue = {
        "SweepOverdueAlarm": "breaching",
        "AccountsSweepOverdueAlarm": {"Fn::If": ["SweepsMembers", "breaching", "notBreaching"]},
    }
    assert alarm["TreatMissingData"] == overdue.get(name, "ignore")


@pytest.mark.parametrize(
    ("name", "machine"),
    [("SweepFailedAlarm", "mfa-compliance"), ("AccountsSweepFailedAlarm", "mfa-compliance-accounts")],
)
def test_an_alarm_rings_however_a_sweep_ends_that_does_not_succeed(name: str, machine: str) -> None:
    sum_of_all, *each = ALARMS[name]["Metrics"]
    metrics = {one["Id"]: one["MetricStat"]["Metric"] for one in each}
    filled = ", ".join(f"FILL({name}, 0)" for name in metrics)
    assert sum_of_all == {"Id": "unfinished", "Expression": f"SUM([{filled}])"}
    assert {one["ReturnData"] for one in each} == {False}
    # A number that comes late finds its period filled already: that period has to be looked at again.
    assert (ALARMS[name]["EvaluationPeriods"], ALARMS[name]["DatapointsToAlarm"]) == (3, 1)
    names = {metric["MetricName"] for metric in metrics.values()}
    assert names == {"ExecutionsFailed", "ExecutionsTimedOut", "ExecutionsAborted"}
    (arn,) = {metric["Dimensions"][0]["Value"]["Fn::Sub"] for metric in metrics.values()}
    assert arn.endswith(f":stateMachine:${{AWS::StackName}}-{machine}")


def test_every_kind_and_severity_is_counted() -> None:
    told = {one.dimension for one in MEASURES if one.dimension}
    expected = {("kind", kind.value) for kind in Kind} | {("severity", rule.severity) for rule in RULES.values()}
    assert told == expected

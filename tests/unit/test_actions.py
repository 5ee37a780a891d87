"""What is done to one user: every doubt ends in doing less."""

import itertools
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatehouse import times
from gatehouse.compliance.actions import earliest, next_step
from gatehouse.compliance.cases import Case, Restriction, Suspension
from gatehouse.compliance.live import Live
from gatehouse.compliance.model import Due, Exemption, Finding, Kind, Mode
from tests.unit.account import MEMBER, NOW
from tests.unit.swept import RULES, ago

SINCE = ago(40)
OURS = Live("alice", "AIDA1", "/gatehouse/", ago(100), MEMBER, {}, console=True, devices=0, under_way=None)
OUTSIDER = replace(OURS, path="/", boundary=None)
FINDING = Finding(Kind.CONSOLE_WITHOUT_MFA, "alice", "arn", "why", SINCE, due=Due(Mode.SUSPEND, ago(10), now=True))
EXEMPTION = Exemption("olga", "breaks the glass", "2026-12-31")
REMINDED = Case("alice", "AIDA1", reminded_at=ago(39))
RESTRICTED = replace(REMINDED, restriction=Restriction(ago(20), MEMBER))

MOMENTS = st.integers(0, 60).map(ago)
LIVES = st.builds(
    Live,
    user_name=st.just("alice"),
    user_id=st.just("AIDA1"),
    path=st.sampled_from(("/", "/gatehouse/", "/gatehouse/applications/")),
    created_at=MOMENTS,
    boundary=st.just(MEMBER),
    tags=st.just({}),
    console=st.booleans(),
    devices=st.integers(0, 1),
    under_way=st.sampled_from((None, None, "0b6f2c1e")),
)
CASES = st.none() | st.builds(
    Case,
    user_name=st.just("alice"),
    user_id=st.just("AIDA1"),
    reminded_at=st.none() | MOMENTS,
    restriction=st.none() | st.builds(Restriction, MOMENTS, st.just(MEMBER)),
    suspension=st.none() | st.builds(Suspension, MOMENTS, st.just(())),
    restoring=st.sampled_from((None, None, "restriction")),
    restored_at=st.none() | MOMENTS,
)
DUES = st.builds(Due, st.sampled_from(tuple(Mode)), MOMENTS, st.booleans())
FINDINGS = st.builds(
    Finding,
    kind=st.sampled_from((Kind.CONSOLE_WITHOUT_MFA, Kind.CONSOLE_WITHOUT_MFA, Kind.PHISHABLE_MFA, Kind.KEY_TOO_OLD)),
    subject=st.just("alice"),
    arn=st.just("arn"),
    reason=st.just("why"),
    since=MOMENTS,
    exemption=st.sampled_from((None, None, EXEMPTION)),
    due=st.none() | DUES,
)
DAYS = st.integers(0, 40)
SOME_RULES = st.builds(
    lambda mode, outsiders, days: replace(
        RULES,
        mode=mode,
        outsiders=outsiders,
        remind_after_days=days[0],
        restrict_after_days=days[1],
        suspend_after_days=days[2],
    ),
    st.sampled_from(tuple(Mode)),
    st.booleans(),
    st.tuples(DAYS, DAYS.filter(bool), DAYS.filter(bool)),
)


@given(FINDINGS, st.none() | LIVES, st.none() | st.just(EXEMPTION), CASES, SOME_RULES)
def test_nobody_is_touched_who_must_not_be(finding, live, exemption, case, rules) -> None:  # type: ignore[no-untyped-def]
    step = next_step(finding, live, exemption, case, rules, NOW)
    assert step.reason
    if step.action is None:
        return
    assert finding.due
    assert finding.due.now
    assert live
    assert not live.is_application
    assert not live.under_way
    assert live.console
    assert live.created_at <= finding.since
    assert not exemption
    assert not finding.exemption
    assert list(Mode).index(step.action) <= min(map(list(Mode).index, (finding.due.action, rules.mode)))
    if finding.kind is Kind.CONSOLE_WITHOUT_MFA:
        assert live.devices == 0
    if step.action is not Mode.REMIND:
        assert finding.kind is Kind.CONSOLE_WITHOUT_MFA
        assert live.is_our_person or rules.outsiders
        assert not (case and case.restoring)


@given(FINDINGS, LIVES, CASES, SOME_RULES)
def test_nobody_is_restricted_or_suspended_unless_the_step_before_was_a_day_ago(finding, live, case, rules) -> None:  # type: ignore[no-untyped-def]
    step = next_step(finding, live, None, case, rules, NOW)
    began = max(finding.since, case.restored_at or "") if case else finding.since
    if step.action is Mode.SUSPEND and not (case and case.suspension):
        assert times.after(began, rules.suspend_after_days * 86_400) <= NOW
        between = max(1, rules.suspend_after_days - rules.restrict_after_days)
        assert case
        assert case.restriction
        assert times.after(case.restriction.at, between * 86_400) <= NOW
    if step.action is Mode.RESTRICT and not (case and case.restriction):
        assert times.after(began, rules.restrict_after_days * 86_400) <= NOW
        between = max(1, rules.restrict_after_days - rules.remind_after_days)
        assert case
        assert case.reminded_at
        assert finding.since <= case.reminded_at
        assert times.after(case.reminded_at, between * 86_400) <= NOW


@pytest.mark.parametrize(
    ("live", "case", "action"),
    [
        (OURS, None, Mode.REMIND),
        (OURS, REMINDED, Mode.RESTRICT),
        (OURS, replace(REMINDED, reminded_at=ago(5)), Mode.REMIND),
        (OURS, replace(REMINDED, reminded_at=ago(90)), Mode.REMIND),
        (OURS, RESTRICTED, Mode.SUSPEND),
        (OURS, replace(RESTRICTED, restriction=Restriction(ago(3), MEMBER)), Mode.RESTRICT),
        (OURS, replace(RESTRICTED, restored_at=ago(3)), Mode.RESTRICT),
        (OURS, replace(REMINDED, restored_at=ago(3)), Mode.REMIND),
        (OURS, replace(RESTRICTED, suspension=Suspension(ago(1), ())), Mode.SUSPEND),
        (OUTSIDER, RESTRICTED, Mode.REMIND),
        (replace(OURS, devices=1), RESTRICTED, None),
        (replace(OURS, user_id="AIDA2", created_at=ago(1)), None, None),
    ],
)
def test_one_step_follows_the_other(live: Live, case: Case | None, action: Mode | None) -> None:
    assert next_step(FINDING, live, None, case, RULES, NOW).action is action


def test_with_all_days_at_nought_everything_may_come_at_once() -> None:
    """For a drill: the template's parameters begin with one day."""
    rules = replace(RULES, remind_after_days=0, restrict_after_days=0, suspend_after_days=0)
    assert (
        next_step(replace(FINDING, since=NOW), replace(OURS, created_at=NOW), None, None, rules, NOW).action
        is Mode.SUSPEND
    )


@pytest.mark.parametrize(
    ("days", "case", "action"),
    [
        ((14, 14, 30), None, Mode.REMIND),
        ((20, 14, 30), replace(REMINDED, reminded_at=ago(0.5)), Mode.REMIND),
        ((1, 30, 14), REMINDED, Mode.RESTRICT),
        ((1, 14, 14), replace(RESTRICTED, restriction=Restriction(ago(0.5), MEMBER)), Mode.RESTRICT),
        ((1, 14, 14), replace(RESTRICTED, restriction=Restriction(ago(1), MEMBER)), Mode.SUSPEND),
    ],
)
def test_days_in_a_wrong_order_leave_a_day_between_two_steps(
    days: tuple[int, int, int], case: Case | None, action: Mode
) -> None:
    remind, restrict, suspend = days
    rules = replace(RULES, remind_after_days=remind, restrict_after_days=restrict, suspend_after_days=suspend)
    assert next_step(FINDING, OURS, None, case, rules, NOW).action is action


def test_the_steps_come_in_their_order() -> None:
    for case in (None, REMINDED, RESTRICTED, replace(RESTRICTED, restored_at=ago(2))):
        begins = list(earliest(case, SINCE, RULES, NOW).values())[1:]
        assert all(one < other for one, other in itertools.pairwise(begins))

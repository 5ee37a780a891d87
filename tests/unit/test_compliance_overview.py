"""What people are told of a sweep: each thing once, the worst and the next first."""

from dataclasses import replace

from gatehouse import times
from gatehouse.compliance import chart, overview
from gatehouse.compliance.model import ACCOUNT, ROOT, Acted, Due, Exemption, Finding, Kind, Mode, Sweep
from local import sample_sweep

AT = sample_sweep.AT
EXEMPTION = Exemption("olga", "break-glass", "2027-01-31")


def before(days: float) -> str:
    return times.after(AT, -days * times.DAY)


def found(kind: Kind, subject: str, days: float = 3, **more: object) -> Finding:
    return replace(Finding(kind, subject, f"arn:{subject}", "a reason", before(days)), **more)  # type: ignore[arg-type]


def swept(*findings: Finding, **more: object) -> Sweep:
    return replace(sample_sweep.made_up(0), findings=findings, resolved=(), **more)  # type: ignore[arg-type]


def test_the_worst_comes_first_and_of_the_same_severity_the_oldest() -> None:
    sweep = swept(
        found(Kind.OUTSIDE_GATEHOUSE, "zoe", 300),
        found(Kind.CONSOLE_WITHOUT_MFA, "young", 1),
        found(Kind.CONSOLE_WITHOUT_MFA, "old", 9),
        found(Kind.ROOT_ACCESS_KEY, "<root_account>", 0),
    )
    assert [one.subject for one in overview.open_findings(sweep)] == ["<root_account>", "old", "young", "zoe"]


def test_a_user_of_whatever_name_is_told_by_it_and_only_root_and_account_in_words() -> None:
    subjects = ("account", "root", ROOT, ACCOUNT)
    told = [overview.subject(found(Kind.CONSOLE_WITHOUT_MFA, subject)) for subject in subjects]
    assert told == ["account", "root", "Root user", "This account"]


def test_what_somebody_is_exempt_from_is_neither_open_nor_counted_nor_due() -> None:
    due = Due(Mode.RESTRICT, before(-3), now=False)
    sweep = swept(found(Kind.CONSOLE_WITHOUT_MFA, "alice", 40, exemption=EXEMPTION, due=due))
    assert overview.open_findings(sweep) == []
    assert not any(overview.by_severity(sweep).values())
    assert overview.by_kind(sweep) == []
    assert overview.coming(sweep) == []
    assert overview.overdue(sweep) == 0
    (exempt,) = overview.exempt(sweep)
    assert (exempt.exemption, exempt.names) == (EXEMPTION, ("alice",))


def test_a_kind_tells_what_is_open_new_and_resolved() -> None:
    sweep = swept(
        found(Kind.KEY_UNUSED, "alice", 0), found(Kind.KEY_UNUSED, "bob", 5), found(Kind.OUTSIDE_GATEHOUSE, "bob", 5)
    )
    sweep = replace(sweep, resolved=(found(Kind.GUARD_MISSING, "carla"),))
    told = [(one.kind, one.open, one.new, one.resolved) for one in overview.by_kind(sweep)]
    assert told == [
        (Kind.GUARD_MISSING, 0, 0, 1),
        (Kind.KEY_UNUSED, 2, 1, 0),
        (Kind.OUTSIDE_GATEHOUSE, 1, 0, 0),
    ]


def test_what_is_due_next_is_told_by_date_each_user_once_and_what_is_due_now_is_not() -> None:
    sweep = swept(
        found(Kind.CONSOLE_WITHOUT_MFA, "bob", due=Due(Mode.RESTRICT, before(-2), now=False)),
        found(Kind.CONSOLE_WITHOUT_MFA, "Alice", due=Due(Mode.RESTRICT, before(-2), now=False)),
        found(Kind.PHISHABLE_MFA, "bob", due=Due(Mode.RESTRICT, before(-2), now=False)),
        found(Kind.CONSOLE_WITHOUT_MFA, "carla", due=Due(Mode.REMIND, before(-1), now=False)),
        found(Kind.CONSOLE_WITHOUT_MFA, "deniz", due=Due(Mode.SUSPEND, before(4), now=True)),
        found(Kind.CONSOLE_WITHOUT_MFA, "emeka", due=Due(Mode.SUSPEND, before(-20), now=False)),
    )
    told = [(one.date, one.action, one.names) for one in overview.coming(sweep)]
    assert told == [
        ("2026-11-23", Mode.REMIND, ("carla",)),
        ("2026-11-24", Mode.RESTRICT, ("Alice", "bob")),
        ("2026-12-12", Mode.SUSPEND, ("emeka",)),
    ]
    assert [one.date for one in overview.coming(sweep, 7)] == ["2026-11-23", "2026-11-24"]
    assert overview.due_now(sweep) == 1


def test_overdue_is_who_has_no_mfa_for_the_grace_period_to_the_day() -> None:
    sweep = swept(
        found(Kind.CONSOLE_WITHOUT_MFA, "today", 14),
        found(Kind.CONSOLE_WITHOUT_MFA, "tomorrow", 13.9),
        found(Kind.KEY_TOO_OLD, "other", 90),
    )
    assert sweep.rules.restrict_after_days == 14
    assert overview.overdue(sweep) == 1


def test_who_is_held_back_already_or_was_restricted_in_this_sweep_is_not_overdue() -> None:
    findings = [found(Kind.CONSOLE_WITHOUT_MFA, name, 40) for name in ("done", "skipped", "rehearsed", "reminded")]
    acted = (
        Acted("done", Mode.RESTRICT, "done", ""),
        Acted("skipped", Mode.RESTRICT, "skipped", ""),
        Acted("rehearsed", Mode.SUSPEND, "dry-run", ""),
        Acted("reminded", Mode.REMIND, "done", ""),
    )
    held = found(Kind.CONSOLE_WITHOUT_MFA, "held", 40, held=True)
    assert overview.overdue(swept(*findings, held, acted=acted)) == 3


def test_what_was_done_alike_is_told_in_one_line_failures_first() -> None:
    sweep = swept(
        acted=(
            Acted("bob", Mode.REMIND, "done", "no device"),
            Acted("alice", Mode.REMIND, "done", "no device"),
            Acted("carla", Mode.SUSPEND, "done", "no device"),
            Acted("deniz", Mode.REMIND, "failed", "SES"),
        )
    )
    told = [(one.outcome, one.action, one.names) for one in overview.done(sweep)]
    assert told == [
        ("failed", Mode.REMIND, ("deniz",)),
        ("done", Mode.SUSPEND, ("carla",)),
        ("done", Mode.REMIND, ("alice", "bob")),
    ]


def test_there_is_a_chart_of_each_number_from_the_second_sweep_on() -> None:
    sweep = sample_sweep.made_up(50)
    assert chart.charts(replace(sweep, past=())) == []
    charts = chart.charts(sweep)
    assert [one.last for one in charts] == [
        sweep.counts.console_users_with_mfa,
        sweep.counts.console_users - sweep.counts.console_users_with_mfa,
        sweep.counts.findings,
    ]
    for one in charts:
        points = [tuple(map(float, point.split(","))) for point in one.line.split()]
        assert len(points) == len(sweep.past) + 1
        assert (points[0][0], points[-1][0]) == (0, chart.WIDTH)
        assert points == sorted(points, key=lambda point: point[0])
        assert {0 <= y <= chart.HEIGHT for _, y in points} == {True}


def test_a_chart_of_nothing_but_zeros_is_a_line_at_the_bottom() -> None:
    sweep = sample_sweep.made_up(50)
    nothing = replace(sweep.counts, findings=0)
    sweep = replace(sweep, counts=nothing, past=(replace(sweep.past[-1], counts=nothing),))
    assert chart.charts(sweep)[2].line == f"0.0,{chart.HEIGHT}.0 {chart.WIDTH}.0,{chart.HEIGHT}.0"

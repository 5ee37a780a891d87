"""What a sweep finds, held against the rules in plain words."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gatehouse import catalogue, times
from gatehouse.compliance import due_actions, sweeps
from gatehouse.compliance.evaluation import MOST_PAST, evaluate
from gatehouse.compliance.model import Account, Acted, Due, Finding, Kind, Mode, Rules, Sweep
from gatehouse.compliance.rules import RULES as ABOUT
from tests.unit import rules_in_words
from tests.unit.account import NOW
from tests.unit.swept import (
    GUARD,
    RULE_SETS,
    RULES,
    TEN_POLICIES,
    account,
    accounts,
    ago,
    credentials,
    exempting,
    user,
    without_mfa,
)

DAY = 86_400


@pytest.fixture(autouse=True)
def _a_profile_that_demands_more() -> Iterator[None]:
    profiles = {
        **catalogue.profiles(),
        "phishing-resistant": {**catalogue.profiles()["auditor"], "mfa": "phishing-resistant"},
    }
    with patch.object(catalogue, "profiles", lambda: profiles):
        yield


def sweep(of: Account, rules: Rules = RULES, earlier: Sweep | None = None, now: str = NOW) -> Sweep:
    return evaluate("a-sweep", of, rules, GUARD, earlier, now)


def later(days: float) -> str:
    return times.after(NOW, days * DAY)


def about(swept: Sweep, kind: Kind = Kind.CONSOLE_WITHOUT_MFA) -> Finding:
    (found,) = [finding for finding in swept.findings if finding.kind is kind]
    return found


@settings(max_examples=150, suppress_health_check=list(HealthCheck))
@given(accounts(), accounts(), RULE_SETS, st.sampled_from([0.01, 1, 13.5, 14, 31]))
def test_what_is_found_and_due_is_what_the_rules_say_in_words(
    one: Account, other: Account, rules: Rules, days: float
) -> None:
    """In a first sweep, in a later one of the same account, and in one of an account in which anything changed."""
    before, now = sweep(one, rules), later(days)
    for of, earlier, at in ((one, None, NOW), (one, before, now), (other, before, now)):
        swept = sweep(of, rules, earlier, at)
        found = {(finding.kind, finding.subject) for finding in swept.findings}
        assert found == rules_in_words.wrong(of, rules, earlier, at)
        assert len(found) == len(swept.findings)
        dues_are_those_in_words(swept, of)
        goes_on_from(earlier, swept)
        counts_its_open_findings(swept, of)
        assert sweeps.from_json(sweeps.to_json(swept)) == swept


def dues_are_those_in_words(swept: Sweep, of: Account) -> None:
    users, grave = {one.user_name: one for one in of.users}, 0
    for finding in swept.findings:
        who = users.get(finding.subject) if finding.kind in rules_in_words.ABOUT_USERS else None
        if who is None:
            assert finding.due is finding.exemption is None
            continue
        at = rules_in_words.moment(swept.at)
        exempt = rules_in_words.is_exempt(who, at) and finding.kind is not Kind.EXEMPTION_EXPIRED
        assert (finding.exemption is not None) == exempt
        assert (finding.due is not None) == rules_in_words.allowed(finding.kind, who, swept.rules, at).remind
        wanted = rules_in_words.grave_action(finding.kind, who, finding.since, swept.rules, swept.at)
        may_wait = rules_in_words.has_no_room(who)
        grave += wanted is not None and not may_wait
        if finding.due:
            graver = finding.due.action if finding.due.now and finding.due.action is not Mode.REMIND else None
            assert graver == (None if swept.broken else wanted) or (may_wait and graver is None)
    assert (swept.broken is not None) == rules_in_words.too_many(grave, of, swept.rules)


def goes_on_from(earlier: Sweep | None, swept: Sweep) -> None:
    known = {finding.key: finding for finding in earlier.findings} if earlier else {}
    for finding in swept.findings:
        first_seen = swept.devices_seen.get(finding.subject, swept.at)
        goes_on = finding.key in known and (finding.exemption or not known[finding.key].exemption)
        assert finding.since == (known[finding.key].since if goes_on else first_seen)
    assert {one.key for one in swept.resolved} == set(known) - {one.key for one in swept.findings}
    assert [past.counts for past in swept.past] == ([earlier.counts] if earlier else [])


def counts_its_open_findings(swept: Sweep, of: Account) -> None:
    counts, open_ones = swept.counts, [finding for finding in swept.findings if not finding.exemption]
    assert (counts.findings, counts.exempt) == (len(open_ones), len(swept.findings) - len(open_ones))
    assert sum(counts.by_kind.values()) == len(open_ones)
    assert counts.users == len(of.users)
    without = [one for one in swept.findings if one.kind is Kind.CONSOLE_WITHOUT_MFA]
    assert counts.console_users - counts.console_users_with_mfa == len(without)


def test_an_account_in_order_has_no_finding() -> None:
    swept = sweep(account(user("ann"), user("bob"), user("cy", credentials=None)))
    assert swept.findings == ()
    assert (swept.counts.console_users, swept.counts.console_users_with_mfa) == (2, 2)


def test_a_finding_says_why_and_what_it_knows_it_from() -> None:
    swept = sweep(account(without_mfa("ann"), without_mfa("bob", devices=())))
    assert {finding.subject: finding.reason for finding in swept.findings} == {
        "ann": "a console password and no MFA device, as of the report of 2 March 2026, 08:00 UTC",
        "bob": "a console password and no MFA device, as IAM says now",
    }


def test_who_enrolled_after_the_report_is_no_finding() -> None:
    """A virtual device is in the list; one of another kind is seen by a look at the user."""
    assert (
        sweep(account(without_mfa("ann", virtual_devices=1), without_mfa("bob", devices=("security_key",)))).findings
        == ()
    )


def test_who_came_after_the_report_is_not_judged_by_the_line_of_another_of_the_same_name() -> None:
    fresh = without_mfa("ann", created_at=NOW, credentials=None)
    assert sweep(account(fresh)).findings == ()


@pytest.mark.parametrize(
    ("tags", "owner"),
    [
        ({"Owner": "team@example.com"}, "team@example.com"),
        ({"gatehouse:owner": "a@example.com", "owner": "b@example.com"}, "a@example.com"),
        ({"Email": "ann@example.com"}, "ann@example.com"),
        ({}, None),
    ],
)
def test_a_finding_names_who_answers_for_the_user(tags: dict[str, str], owner: str | None) -> None:
    assert about(sweep(account(without_mfa("ann", tags=tags)))).owner == owner


@pytest.mark.parametrize(
    ("tags", "reason"),
    [
        (exempting("2026-03-02"), "its exemption ended 2026-03-02 (owner ciso@example.com)"),
        (exempting("next year"), "its exemption's gatehouse:exempt-until is no date (2027-01-31)"),
        (
            {"gatehouse:exempt-owner": "ciso@example.com"},
            "its exemption has no gatehouse:exempt-reason and no gatehouse:exempt-until",
        ),
    ],
)
def test_an_exemption_that_is_over_or_incomplete_exempts_nobody_and_is_said(tags: dict[str, str], reason: str) -> None:
    swept = sweep(account(without_mfa("ann", tags=tags)))
    assert about(swept, Kind.EXEMPTION_EXPIRED).reason == reason
    assert about(swept).exemption is None


@pytest.mark.parametrize("tags", [{}, exempting("2026-05-01"), exempting("soon")])
def test_where_an_exemption_ends_is_taken_away_or_broken_the_days_of_grace_begin_anew(tags: dict[str, str]) -> None:
    def ann(tags: dict[str, str]) -> Account:
        return account(without_mfa("ann", boundary=rules_in_words.MEMBER, tags=tags))

    first = sweep(ann({}))
    exempt = sweep(ann(exempting("2026-05-01")), earlier=first, now=later(5))
    assert (about(exempt).since, about(exempt).due) == (NOW, None)
    over = sweep(ann(tags), earlier=exempt, now=later(100))
    assert (about(over).since, about(over).due) == (later(100), Due(Mode.REMIND, later(101), now=False))
    assert about(sweep(ann(tags), earlier=over, now=later(113))).since == later(100)


def test_a_device_without_an_owner_is_residue_once_two_sweeps_have_seen_it() -> None:
    serial = "arn:aws:iam::123456789012:mfa/left-over"
    of = account(unassigned_devices=(serial,))
    first = sweep(of)
    soon = sweep(of, earlier=first, now=later(0.01))
    assert first.findings == soon.findings == ()
    found = about(sweep(of, earlier=soon, now=later(1)), Kind.UNASSIGNED_DEVICE)
    assert (found.subject, found.since) == (serial, NOW)


def each_day(of: Account, rules: Rules, days: int, earlier: Sweep | None = None) -> Iterator[Sweep]:
    """A sweep a day, now and then some seconds early or late."""
    for day in range(days):
        earlier = sweep(of, rules, earlier, times.after(later(day), (day % 3) - 1 if day else 0))
        yield earlier


def dues(of: Account, rules: Rules, days: int) -> list[tuple[int, Mode]]:
    """On which day which action is due about the one user of an account."""
    told = enumerate(about(swept).due for swept in each_day(of, rules, days))
    return [(day, due.action) for day, due in told if due and due.now]


REMINDING = replace(RULES, mode=Mode.REMIND)


def test_reminders_are_due_once_a_period() -> None:
    days = [day for day, _ in dues(account(without_mfa("ann")), REMINDING, 30)]
    assert len(days) == 5
    assert all(6 <= later - earlier <= 8 for earlier, later in pairwise(days))


def test_who_is_restricted_is_reminded_on_and_suspended_in_the_end() -> None:
    """The boundary of those who enrol is the restriction of a user of ours."""
    found = dues(account(without_mfa("ann")), RULES, 33)
    assert {day for day, action in found if action is Mode.SUSPEND} >= {31, 32}
    assert {action for _, action in found} == {Mode.REMIND, Mode.SUSPEND}


def test_a_restriction_stays_due_until_it_is_in_place() -> None:
    open_still = without_mfa("ann", boundary=rules_in_words.MEMBER)
    found = dues(account(open_still), replace(RULES, mode=Mode.RESTRICT), 20)
    assert {day for day, action in found if action is Mode.RESTRICT} >= {16, 17, 18, 19}


def test_a_reminder_that_failed_and_one_of_a_dry_run_are_due_again() -> None:
    of, dry = account(without_mfa("ann")), replace(REMINDING, dry_run=True)
    first = sweep(of, REMINDING)
    told = sweep(of, REMINDING, first, later(2))
    assert about(told).due == Due(Mode.REMIND, later(1), now=True)
    assert about(sweep(of, REMINDING, told, later(3))).due == Due(Mode.REMIND, later(8), now=False)
    failed = replace(told, acted=(Acted("ann", Mode.REMIND, "failed", "busy"),))
    rehearsed = sweep(of, dry, first, later(2))
    for earlier in (failed, rehearsed):
        assert about(sweep(of, REMINDING, earlier, later(3))).due == Due(Mode.REMIND, later(1), now=True)


def test_an_outsider_is_reminded_and_restricted_only_where_that_was_chosen() -> None:
    of = account(without_mfa("ann", path="/", boundary=None))
    assert {action for _, action in dues(of, RULES, 40)} == {Mode.REMIND}
    assert {action for _, action in dues(of, replace(RULES, outsiders=True), 40)} == set(Mode) - {Mode.REPORT}


def test_an_outsider_who_is_restricted_is_not_restricted_again() -> None:
    held = without_mfa("ann", path="/", boundary=None, policies=(GUARD.restricted,))
    assert {action for _, action in dues(account(held), replace(RULES, outsiders=True, mode=Mode.RESTRICT), 40)} == {
        Mode.REMIND
    }


def test_a_finding_says_whether_its_user_can_do_no_more_than_enrol() -> None:
    users = {
        "free": without_mfa("free", boundary=rules_in_words.MEMBER),
        "enrolling": without_mfa("enrolling"),
        "restricted": without_mfa("restricted", path="/", boundary=None, policies=(GUARD.restricted,)),
        "suspended": without_mfa("suspended", boundary=rules_in_words.MEMBER, policies=(GUARD.suspended,)),
    }
    held = {one.subject for one in sweep(account(*users.values())).findings if one.held}
    assert held == set(users) - {"free"}


def many_without_mfa(count: int, of: int = 100) -> Account:
    stray = [without_mfa(f"stray-{number:04}", boundary=rules_in_words.MEMBER) for number in range(count)]
    return account(*stray, *(user(f"good-{number:04}") for number in range(of - count)))


@pytest.mark.parametrize(("count", "is_broken"), [(5, False), (6, True)])
def test_a_sweep_that_would_act_on_too_many_acts_on_nobody_and_goes_on_reminding(count: int, is_broken: bool) -> None:
    of, rules = many_without_mfa(count), replace(RULES, circuit_breaker_percent=5)
    before = sweep(of, rules)
    swept = sweep(of, rules, before, later(40))
    actions = {one.due.action for one in swept.findings if one.due and one.due.now}
    if is_broken:
        assert swept.broken == "6 users are due to be restricted or suspended at once, at most 5 may be"
        assert actions == {Mode.REMIND}
    else:
        assert swept.broken is None
        assert actions == {Mode.SUSPEND}
    assert len(due_actions.user_names(swept)) == count


FIVE_PERCENT = replace(RULES, mode=Mode.RESTRICT, circuit_breaker_percent=5)


def held_back(swept: Sweep) -> list[str]:
    """Whom the sweep would restrict or suspend."""
    due = [(one.subject, one.due) for one in swept.findings if one.due and one.due.now]
    return [subject for subject, due in due if due.action.is_grave]


def with_outcome(swept: Sweep, outcome: str) -> Sweep:
    """The sweep after all that it would restrict came out so."""
    acted = tuple(Acted(name, Mode.RESTRICT, outcome, "") for name in held_back(swept))
    return replace(swept, acted=acted)


def test_whom_nothing_can_be_done_to_keeps_nobody_else_from_being_restricted() -> None:
    full = [without_mfa(f"full-{number}", path="/", boundary=None, policies=TEN_POLICIES) for number in range(9)]
    stray = without_mfa("stray", boundary=rules_in_words.MEMBER)
    of, rules = account(*full, stray, *map(user, map(str, range(10)))), replace(FIVE_PERCENT, outsiders=True)
    swept = sweep(of, rules, sweep(of, rules), later(20))
    assert (swept.broken, held_back(swept)) == (None, ["stray"])


def test_whom_the_sweep_before_skipped_keeps_nobody_else_from_being_restricted() -> None:
    """But stays in turn: whoever waits comes before who was skipped just now."""
    early, late = [(without_mfa(name, boundary=rules_in_words.MEMBER)) for name in ("early", "late")]
    others = [user(str(number)) for number in range(18)]
    first = sweep(account(early, *others), FIVE_PERCENT)
    second = sweep(account(early, late, *others), FIVE_PERCENT, first, later(14))
    assert held_back(second) == ["early"]
    third = sweep(account(early, late, *others), FIVE_PERCENT, with_outcome(second, "skipped"), later(28))
    assert (third.broken, held_back(third)) == (None, ["late"])
    fourth = sweep(account(early, late, *others), FIVE_PERCENT, with_outcome(third, "skipped"), later(29))
    assert (fourth.broken, held_back(fourth)) == (None, ["early"])
    again = sweep(account(early, late, *others), FIVE_PERCENT, with_outcome(third, "dry-run"), later(29))
    assert held_back(again) == ["late"], "who was not skipped is counted"


@pytest.mark.parametrize("outcome", ["skipped", "failed"])
def test_among_those_to_whom_nothing_can_be_done_everybody_s_turn_comes(outcome: str) -> None:
    stuck = [
        without_mfa(name, path="/", boundary=None, policies=TEN_POLICIES) for name in ("ann", "ben", "cleo", "dan")
    ]
    of, rules, tried = account(*stuck), replace(FIVE_PERCENT, outsiders=True), []
    earlier = sweep(of, rules)
    for day in range(14, 22):
        earlier = with_outcome(sweep(of, rules, earlier, later(day)), outcome)
        tried += held_back(earlier)
    assert tried == ["ann", "ben", "cleo", "dan"] * 2


def test_who_fails_for_good_keeps_nobody_from_being_acted_on_who_was_held_back_by_halves() -> None:
    halves, fails = [without_mfa(name, boundary=rules_in_words.MEMBER) for name in ("ann", "ben")]
    earlier = with_outcome(
        sweep(account(halves, fails), FIVE_PERCENT, sweep(account(halves), FIVE_PERCENT), later(14)), "failed"
    )
    tried = []
    for day in range(29, 37):
        earlier = with_outcome(sweep(account(halves, fails), FIVE_PERCENT, earlier, later(day)), "failed")
        tried += held_back(earlier)
    assert tried.count("ann") >= 3
    assert tried.count("ben") >= 3


@settings(max_examples=50)
@given(
    st.lists(
        st.tuples(st.integers(0, 8), st.sampled_from(["done", "skipped", "failed", "dry-run"])), min_size=2, max_size=8
    )
)
def test_never_more_than_the_share_is_held_back_at_once_whatever_became_of_it_before(
    days: list[tuple[int, str]],
) -> None:
    earlier = None
    for week, (count, outcome) in enumerate(days):
        full = [without_mfa(f"full-{number}", boundary=None, policies=TEN_POLICIES) for number in range(2)]
        stray = [without_mfa(f"stray-{number}", boundary=rules_in_words.MEMBER) for number in range(count)]
        of = account(*full, *stray, *(user(f"good-{number}") for number in range(38 - count)))
        earlier = with_outcome(sweep(of, FIVE_PERCENT, earlier, later(14 * week)), outcome)
        assert len(held_back(earlier)) <= 2
        assert not (earlier.broken and held_back(earlier))


@pytest.mark.parametrize(
    ("held", "action", "outcome", "due"),
    [
        (GUARD.suspended, Mode.SUSPEND, "failed", Mode.SUSPEND),
        (GUARD.suspended, Mode.SUSPEND, "done", None),
        (GUARD.restricted, Mode.RESTRICT, "failed", Mode.RESTRICT),
        (GUARD.restricted, Mode.RESTRICT, "done", Mode.REMIND),
        (GUARD.restricted, Mode.REPORT, "failed", Mode.RESTRICT),
        (GUARD.restricted, Mode.REMIND, "failed", Mode.REMIND),
    ],
)
def test_what_was_done_by_halves_is_due_again_although_it_seems_to_stand(
    held: str, action: Mode, outcome: str, due: Mode | None
) -> None:
    """After the policy is attached keys may still be active, and the user not be told."""
    free = without_mfa("ann", path="/", boundary=None)
    rules = replace(RULES, outsiders=True, mode=max(action, Mode.RESTRICT, key=lambda mode: mode.rank))
    before = sweep(account(free), rules, sweep(account(free), rules), later(40))
    acted = replace(before, acted=(Acted("ann", action, outcome, "Throttled"),))
    found = about(sweep(account(replace(free, policies=(held,))), rules, acted, later(41)))
    assert (found.due.action if found.due else None) == due
    assert due in (None, Mode.REMIND) or (found.due and found.due.now)


def test_what_was_done_by_halves_is_not_forgotten_while_too_many_are_due() -> None:
    halved = without_mfa("ann", boundary=rules_in_words.MEMBER, policies=(GUARD.suspended,))
    many, rules = many_without_mfa(6), replace(RULES, circuit_breaker_percent=5)
    of = replace(many, users=(halved, *many.users))
    before = sweep(of, rules, sweep(of, rules), later(40))
    failed = replace(before, acted=(Acted("ann", Mode.SUSPEND, "failed", "Throttled"),))
    broken = sweep(of, rules, failed, later(41))
    assert broken.broken
    assert held_back(broken) == []
    fewer = replace(of, users=(halved, *many.users[6:]))
    assert held_back(sweep(fewer, rules, broken, later(42))) == ["ann"]


def test_one_user_of_few_can_always_be_acted_on() -> None:
    of, rules = many_without_mfa(1, of=3), replace(RULES, circuit_breaker_percent=1)
    assert sweep(of, rules, sweep(of, rules), later(40)).broken is None


def test_one_sweep_acts_on_no_more_than_its_result_can_tell_and_the_next_one_on_the_rest() -> None:
    of = many_without_mfa(1000, of=1000)
    first = sweep(of, REMINDING)
    second = sweep(of, REMINDING, first, later(2))
    third = sweep(of, REMINDING, second, later(3))
    told, rest = due_actions.user_names(second), due_actions.user_names(third)
    assert (len(told), len(rest)) == (800, 200)
    assert not set(told) & set(rest)


def test_the_past_is_kept_for_a_year_and_no_longer() -> None:
    first = sweep(account())
    long = replace(first, past=tuple(sweep(account(), earlier=first).past) * (MOST_PAST + 5))
    assert len(sweep(account(), earlier=long).past) == MOST_PAST


def test_every_kind_of_finding_is_explained() -> None:
    assert set(ABOUT) == set(Kind)
    assert {rule.severity for rule in ABOUT.values()} <= {"critical", "high", "medium", "low"}


def test_what_makes_nobody_do_anything_by_itself_is_never_due() -> None:
    old = credentials(
        "ann", has_password=True, password_changed_at=ago(400), password_last_used_at=ago(400), mfa_active=True
    )
    swept = sweep(account(user("ann", credentials=old)))
    assert {finding.kind for finding in swept.findings} == {Kind.PASSWORD_UNUSED, Kind.PASSWORD_TOO_OLD}
    assert due_actions.user_names(swept) == []

"""What is to be done with one user now: a pure decision on what a sweep found and what IAM shows.

Every doubt ends in doing less. Nobody is restricted who was not reminded in time, as far as anybody knows an address,
and nobody suspended who could not enrol in time: whatever the parameters were changed to, and however long a finding
had been there before.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from gatehouse import times
from gatehouse.compliance.cases import Case
from gatehouse.compliance.live import Live
from gatehouse.compliance.model import Exemption, Finding, Kind, Mode, Rules


@dataclass(frozen=True)
class Step:
    """What to do, None for nothing, and why."""

    action: Mode | None
    reason: str


def next_step(
    finding: Finding, live: Live | None, exemption: Exemption | None, case: Case | None, rules: Rules, now: str
) -> Step:
    """The one step to take. `exemption` is what the user's tags say now, `case` what is known of this very user."""
    if finding.kind not in (Kind.CONSOLE_WITHOUT_MFA, Kind.PHISHABLE_MFA) or not (finding.due and finding.due.now):
        return Step(None, "nothing is due")
    if live is None:
        return Step(None, "there is no such user any more")
    if left_alone := next(_left_alone(finding, live, exemption), None):
        return Step(None, left_alone)
    wanted = min(finding.due.action, rules.mode, key=lambda mode: mode.rank)
    if finding.kind is Kind.PHISHABLE_MFA:
        wanted = min(wanted, Mode.REMIND, key=lambda mode: mode.rank)
    if wanted is Mode.REPORT:
        return Step(None, "nothing is due")
    if wanted is not Mode.REMIND and not (live.is_our_person or rules.outsiders):
        return Step(Mode.REMIND, "users outside Gatehouse are reminded only (ActOnOutsiders)")
    return _in_turn(wanted, case, times.after(finding.since, 0), rules, now)


def _left_alone(finding: Finding, live: Live, exemption: Exemption | None) -> Iterator[str]:
    """Why nothing at all is done to this user."""
    if live.created_at > times.after(finding.since, 0):
        yield "the user was made after this was found: it is another one of the same name"
    if live.is_application:
        yield "an application has no MFA"
    if not live.console:
        yield "the user has no password for the console (any more)"
    if live.devices and finding.kind is Kind.CONSOLE_WITHOUT_MFA:
        yield "the user has enrolled MFA since"
    if found := exemption or finding.exemption:
        yield f"exempt until {found.until}: {found.reason} ({found.owner})"
    if live.under_way:
        yield f"an onboarding or a reset is under way for the user: {live.under_way}"


def earliest(case: Case | None, since: str, rules: Rules, now: str) -> dict[Mode, str]:
    """From when on each step may be taken, as things stand: the days of a step begin with the step before it.

    So nobody is restricted who was not reminded a day before at least, and nobody suspended who was not restricted a
    day before: whoever cannot be restricted is not suspended either. After a restore all days begin anew. What was
    done before this finding began does not count.
    """
    began, reminded = max(since, case.restored_at or since) if case else since, now
    if case and case.reminded_at and case.reminded_at >= since:
        reminded = case.reminded_at
    restrict = max(
        _days(began, rules.restrict_after_days),
        _days(reminded, _between(rules.remind_after_days, rules.restrict_after_days)),
    )
    restricted = case.restriction.at if case and case.restriction else max(restrict, now)
    suspend = max(
        _days(began, rules.suspend_after_days),
        _days(restricted, _between(rules.restrict_after_days, rules.suspend_after_days)),
    )
    return {Mode.REMIND: now, Mode.RESTRICT: restrict, Mode.SUSPEND: suspend}


def _in_turn(wanted: Mode, case: Case | None, since: str, rules: Rules, now: str) -> Step:
    """The furthest step that may follow what was done to the user before."""
    if case and case.restoring:
        return Step(None, f"the {case.restoring} is being ended")
    if case and case.suspension:
        return Step(wanted if wanted is Mode.SUSPEND else None, f"its suspension began {case.suspension.at}")
    begins = earliest(case, since, rules, now)
    if wanted is Mode.SUSPEND and begins[wanted] <= now:
        return Step(wanted, f"without MFA since {since}")
    if wanted is not Mode.REMIND and case and case.restriction:
        return Step(Mode.RESTRICT, f"restricted since {case.restriction.at}")
    if wanted is not Mode.REMIND and begins[Mode.RESTRICT] <= now:
        return Step(Mode.RESTRICT, f"without MFA since {since}")
    return Step(Mode.REMIND, f"without MFA since {since}")


def _between(earlier: int, later: int) -> int:
    """The days between two steps of which each has days of its own: one at least, in whatever order those are.

    Only a step after no days at all waits for none: for a drill, since the template's parameters begin with one.
    """
    return max(later - earlier, min(1, later))


def _days(moment: str, days: int) -> str:
    return times.after(moment, days * times.DAY)

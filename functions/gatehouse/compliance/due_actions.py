"""What is due about a finding, and the brake that keeps a sweep from acting on too many at once."""

from collections.abc import Mapping
from dataclasses import replace

from gatehouse import times
from gatehouse.compliance.guard import Guard, is_application, is_ours
from gatehouse.compliance.model import Due, Finding, Mode, Rules, Sweep, User
from gatehouse.compliance.rules import RULES

MOST_ACTED_ON = 800
"""What is done to users of one sweep has to fit into 256 KB, Step Functions' largest payload: the others come next."""

_DAY = 86_400
_ORDER = tuple(Mode)
_GRAVE = (Mode.RESTRICT, Mode.SUSPEND)


def decide(
    found: list[Finding],
    users: Mapping[str, User],
    rules: Rules,
    guard: Guard,
    earlier: Sweep | None,
    console_users: int,
    now: str,
) -> tuple[list[Finding], str | None]:
    """The findings with what is due about each, and why nobody is restricted or suspended, if so.

    A sweep that would restrict or suspend more than the set share of the console users does it to nobody: that many
    at once is rather a mistake of the rules, or of what was read, than of the users. Reminders go out still.
    """
    decided = _with_due(found, users, rules, guard, earlier, now, rules.mode)
    grave = sum(1 for finding in decided if finding.due and finding.due.now and finding.due.action in _GRAVE)
    most = max(1, console_users * rules.circuit_breaker_percent // 100)
    if grave <= most:
        return _at_most(decided), None
    reminded = _with_due(found, users, rules, guard, earlier, now, Mode.REMIND)
    return _at_most(reminded), f"{grave} users would be restricted or suspended at once, at most {most} may be"


def user_names(sweep: Sweep) -> list[str]:
    """Whom the sweep acts on."""
    return sorted({finding.subject for finding in sweep.findings if finding.due and finding.due.now})


def _with_due(
    found: list[Finding],
    users: Mapping[str, User],
    rules: Rules,
    guard: Guard,
    earlier: Sweep | None,
    now: str,
    mode: Mode,
) -> list[Finding]:
    told: dict[str, Due | None] = {}
    if earlier and (rules.dry_run or not earlier.rules.dry_run):
        # A dry run has told nobody anything, and neither has what failed.
        failed = {one.user_name for one in earlier.acted if one.outcome == "failed"}
        told = {finding.key: finding.due for finding in earlier.findings if finding.subject not in failed}
    decided = []
    for finding in found:
        user = users.get(finding.subject)
        actions = _actions(finding, user, rules, guard, mode) if user else ()
        decided.append(replace(finding, due=_due(finding.since, actions, rules, told.get(finding.key), now)))
    return decided


def _actions(finding: Finding, user: User, rules: Rules, guard: Guard, mode: Mode) -> tuple[Mode, ...]:
    """What may be done about the finding, in this order, and has not been done."""
    if finding.exemption or is_application(user) or guard.suspended in user.policies:
        return ()
    possible = [action for action in RULES[finding.kind].ladder if _ORDER.index(action) <= _ORDER.index(mode)]
    if not (is_ours(user) or rules.outsiders):
        possible = [action for action in possible if action not in _GRAVE]
    if user.boundary in guard.enrolling or guard.restricted in user.policies:
        possible = [action for action in possible if action is not Mode.RESTRICT]
    return tuple(possible)


def _due(since: str, actions: tuple[Mode, ...], rules: Rules, told: Due | None, now: str) -> Due | None:
    """The gravest action whose days of grace are over; before the first one's end, when that is."""
    if not actions:
        return None
    starts = {action: times.after(since, _grace(action, rules) * _DAY) for action in actions}
    reached = [action for action in actions if starts[action] <= now]
    if not reached:
        return Due(actions[0], starts[actions[0]], now=False)
    action = reached[-1]
    return Due(action, starts[action], now=True) if action in _GRAVE else _reminder(starts[action], rules, told, now)


def _reminder(first: str, rules: Rules, told: Due | None, now: str) -> Due:
    """The reminder of this period, or the next period's if that one was told."""
    period = max(1, rules.remind_every_days) * _DAY
    over = int((times.parse(now) - times.parse(first)).total_seconds() // period)
    at = times.after(first, over * period)
    if told and told.action is Mode.REMIND and (told.at > at or (told.at == at and told.now)):
        return Due(Mode.REMIND, times.after(at, period), now=False)
    return Due(Mode.REMIND, at, now=True)


def _grace(action: Mode, rules: Rules) -> int:
    return {
        Mode.REMIND: rules.remind_after_days,
        Mode.RESTRICT: rules.restrict_after_days,
        Mode.SUSPEND: rules.suspend_after_days,
    }[action]


def _at_most(decided: list[Finding]) -> list[Finding]:
    """The gravest and oldest first, no more than one sweep can act on."""
    due = [finding for finding in decided if finding.due and finding.due.now]
    due.sort(key=lambda finding: (finding.due and -_ORDER.index(finding.due.action), finding.since, finding.subject))
    later = {finding.key for finding in due[MOST_ACTED_ON:]}
    return [replace(one, due=replace(one.due, now=False)) if one.due and one.key in later else one for one in decided]

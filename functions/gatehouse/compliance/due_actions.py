"""What is due about a finding, and the brake that keeps a sweep from acting on too many at once."""

from collections.abc import Collection, Mapping
from dataclasses import replace

from gatehouse import times
from gatehouse.compliance.guard import Guard, is_application, is_ours
from gatehouse.compliance.model import Due, Finding, Mode, Outcome, Rules, Sweep, User
from gatehouse.compliance.restricting import MOST_POLICIES
from gatehouse.compliance.rules import RULES

MOST_ACTED_ON = 800
"""What is done to users of one sweep has to fit into 256 KB, Step Functions' largest payload: the others come next."""


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

    Of those to whom nothing could be done lately, or can be now, only as many are tried as the share has room for, in
    turn: so they do not keep the others from being acted on, and are not too many either if they can be all at once.
    """
    decided = _with_due(found, users, rules, guard, earlier, now, rules.mode)
    grave = [finding for finding in decided if _is_grave_now(finding)]
    tried = _in_vain(earlier, Outcome.FAILED, Outcome.SKIPPED)
    known = tried | _passed_over(earlier)
    waiting = [one for one in grave if one.subject in known or _has_no_room(users[one.subject], guard)]
    others, most = len(grave) - len(waiting), max(1, console_users * rules.circuit_breaker_percent // 100)
    if others <= most:
        return _at_most(_later(decided, _in_turn(waiting, tried)[most - others :])), None
    # Whoever waits is remembered by what stays due.
    decided = _later(decided, waiting)
    reminded = _with_due(found, users, rules, guard, earlier, now, Mode.REMIND)
    decided = [mild if _is_grave_now(one) else one for one, mild in zip(decided, reminded, strict=True)]
    return _at_most(decided), f"{others} users are due to be restricted or suspended at once, at most {most} may be"


def user_names(sweep: Sweep) -> list[str]:
    """Whom the sweep acts on."""
    return sorted({finding.subject for finding in sweep.findings if finding.due and finding.due.now})


def _is_grave_now(finding: Finding) -> bool:
    return finding.due is not None and finding.due.now and finding.due.action.is_grave


def _passed_over(earlier: Sweep | None) -> set[str]:
    """To whom the earlier sweep did nothing grave, though it was due, since it would have been too much at once."""
    if earlier is None:
        return set()
    due = ((finding.subject, finding.due) for finding in earlier.findings if finding.due)
    return {subject for subject, due in due if due.action.is_grave and not due.now and due.at <= earlier.at}


def _in_vain(earlier: Sweep | None, *outcomes: Outcome) -> set[str]:
    """Whom the earlier sweep tried to restrict or suspend with one of these outcomes.

    Of a batch that failed as a whole it does not tell what it was about to do.
    """
    acted = earlier.acted if earlier else ()
    return {one.user_name for one in acted if one.outcome in outcomes and one.action is not Mode.REMIND}


def _in_turn(waiting: list[Finding], tried: Collection[str]) -> list[Finding]:
    """First those who come after whom the earlier sweep tried, then from the beginning: so everybody's turn comes."""
    last = max(((one.since, one.subject) for one in waiting if one.subject in tried), default=("", ""))
    return sorted(waiting, key=lambda one: ((one.since, one.subject) <= last, one.since, one.subject))


def _begun(earlier: Sweep | None) -> set[str]:
    """Who may be restricted or suspended by halves: somebody has to go on, however it looks."""
    return _in_vain(earlier, Outcome.FAILED) | _passed_over(earlier)


def _has_no_room(user: User, guard: Guard) -> bool:
    """Whether it would take one more policy than a user may have. A member is restricted by its boundary."""
    return len(user.policies) >= MOST_POLICIES and not (is_ours(user) and user.boundary in guard.members)


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
        failed = {one.user_name for one in earlier.acted if one.outcome == Outcome.FAILED}
        told = {finding.key: finding.due for finding in earlier.findings if finding.subject not in failed}
    begun = _begun(earlier)
    decided = []
    for finding in found:
        user = users.get(finding.subject)
        actions = _actions(finding, user, rules, guard, mode, begun) if user else ()
        decided.append(replace(finding, due=_due(finding.since, actions, rules, told.get(finding.key), now)))
    return decided


def _actions(
    finding: Finding, user: User, rules: Rules, guard: Guard, mode: Mode, begun: Collection[str]
) -> tuple[Mode, ...]:
    """What may be done about the finding, in this order, and has not been done."""
    by_halves = user.user_name in begun
    if finding.exemption or is_application(user) or (guard.suspended in user.policies and not by_halves):
        return ()
    possible = [action for action in RULES[finding.kind].ladder if action.rank <= mode.rank]
    if not (is_ours(user) or rules.outsiders):
        possible = [action for action in possible if not action.is_grave]
    if not by_halves and (user.boundary in guard.enrolling or guard.restricted in user.policies):
        possible = [action for action in possible if action is not Mode.RESTRICT]
    return tuple(possible)


def _due(since: str, actions: tuple[Mode, ...], rules: Rules, told: Due | None, now: str) -> Due | None:
    """The gravest action whose days of grace are over; before the first one's end, when that is."""
    if not actions:
        return None
    starts = {action: times.after(since, _grace(action, rules) * times.DAY) for action in actions}
    reached = [action for action in actions if starts[action] <= now]
    if not reached:
        return Due(actions[0], starts[actions[0]], now=False)
    action = reached[-1]
    return Due(action, starts[action], now=True) if action.is_grave else _reminder(starts[action], rules, told, now)


def _reminder(first: str, rules: Rules, told: Due | None, now: str) -> Due:
    """The reminder of this period, or the next period's if that one was told."""
    period = max(1, rules.remind_every_days) * times.DAY
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
    due.sort(key=lambda finding: (finding.due and -finding.due.action.rank, finding.since, finding.subject))
    return _later(decided, due[MOST_ACTED_ON:])


def _later(decided: list[Finding], put_off: list[Finding]) -> list[Finding]:
    """The findings, with nothing due now about those that are put off."""
    keys = {finding.key for finding in put_off}
    return [replace(one, due=replace(one.due, now=False)) if one.due and one.key in keys else one for one in decided]

"""A sweep as people want it told: what is open, what changed, what is due, who is exempt, what was done."""

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from typing import TypeVar

from gatehouse import times
from gatehouse.compliance.model import ACCOUNT, ROOT, Acted, Exemption, Finding, Kind, Mode, Outcome, Sweep
from gatehouse.compliance.rules import RULES, Rule

SEVERITIES = ("critical", "high", "medium", "low")
"""Worst first."""

IN_WORDS = {ROOT: "Root user", ACCOUNT: "This account"}
"""Subjects that are no user's name."""


T = TypeVar("T")
Key = TypeVar("Key", bound=Hashable)


@dataclass(frozen=True)
class OfKind:
    """How many findings of one kind are open, new, and resolved since the sweep before."""

    kind: Kind
    rule: Rule
    open: int
    new: int
    resolved: int


@dataclass(frozen=True)
class Coming:
    """What happens on a date (`2026-12-03`) to these users, unless what was found is cured before."""

    date: str
    action: Mode
    names: tuple[str, ...]


@dataclass(frozen=True)
class Exempt:
    """Who is left alone for the same reason, and what was found of them."""

    exemption: Exemption
    names: tuple[str, ...]
    titles: tuple[str, ...]


@dataclass(frozen=True)
class Done:
    """To whom the same was done, with the same outcome and reason."""

    action: Mode
    outcome: str
    reason: str
    names: tuple[str, ...]


def open_findings(sweep: Sweep) -> list[Finding]:
    """The findings that nobody is exempt from: the worst first, of the same severity the oldest."""
    standing = [finding for finding in sweep.findings if not finding.exemption]
    return sorted(standing, key=lambda one: (SEVERITIES.index(severity(one)), one.since, one.kind, one.subject.lower()))


def severity(finding: Finding) -> str:
    return RULES[finding.kind].severity


def subject(finding: Finding) -> str:
    return IN_WORDS.get(finding.subject, finding.subject)


def counted(number: int, what: str) -> str:
    """`4,500 users`, `1 user`."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def is_new(finding: Finding, sweep: Sweep) -> bool:
    """Whether this sweep is the first to see it."""
    return finding.since == sweep.at


def age(finding: Finding, sweep: Sweep) -> int:
    """Whole days since the finding was first seen."""
    return (times.parse(sweep.at) - times.parse(finding.since)).days


def by_severity(sweep: Sweep) -> dict[str, int]:
    """How many findings of each severity are open."""
    counted = Counter(map(severity, open_findings(sweep)))
    return {name: counted[name] for name in SEVERITIES}


def by_kind(sweep: Sweep) -> list[OfKind]:
    """Each kind of which something is open or resolved, the worst first."""
    standing = open_findings(sweep)
    counts = [
        Counter(finding.kind for finding in findings)
        for findings in (standing, (one for one in standing if is_new(one, sweep)), sweep.resolved)
    ]
    told = [OfKind(kind, RULES[kind], *(count[kind] for count in counts)) for kind in Kind]
    worst = sorted(told, key=lambda one: (SEVERITIES.index(one.rule.severity), -one.open))
    return [one for one in worst if one.open or one.resolved]


def coming(sweep: Sweep, days: int | None = None) -> list[Coming]:
    """What is due after this sweep, the next first; within so many days, if any are given."""
    until = times.after(sweep.at, days * times.DAY) if days is not None else None
    due = {
        (finding.due.at[:10], finding.due.action, finding.subject)
        for finding in open_findings(sweep)
        if finding.due and not finding.due.now and (until is None or finding.due.at <= until)
    }
    grouped = _grouped(sorted(due, key=lambda one: (one[0], one[1].rank, one[2].lower())), lambda one: one[:2])
    return [Coming(date, action, tuple(one[2] for one in members)) for (date, action), members in grouped.items()]


def due_now(sweep: Sweep) -> int:
    """How many subjects something was due of at this sweep."""
    return len({finding.subject for finding in open_findings(sweep) if finding.due and finding.due.now})


def overdue(sweep: Sweep) -> int:
    """How many console users are without MFA for longer than the grace period and not held back, nor exempt."""
    grace = sweep.rules.restrict_after_days
    held = {one.user_name for one in sweep.acted if one.outcome == Outcome.DONE and one.action.is_grave}
    late = {
        one.subject
        for one in open_findings(sweep)
        if one.kind is Kind.CONSOLE_WITHOUT_MFA and age(one, sweep) >= grace and not one.held
    }
    return len(late - held)


def exempt(sweep: Sweep) -> list[Exempt]:
    """Who is exempt, those whose exemption ends next first."""
    standing = [(finding.exemption, finding) for finding in sweep.findings if finding.exemption]
    grouped = _grouped(standing, lambda one: one[0])
    return [
        Exempt(
            exemption, _names(one.subject for _, one in members), _names(RULES[one.kind].title for _, one in members)
        )
        for exemption, members in sorted(
            grouped.items(), key=lambda item: (item[0].until, item[0].owner, item[0].reason)
        )
    ]


def done(sweep: Sweep) -> list[Done]:
    """What was done in this sweep; failures first, then what weighs most."""
    grouped = _grouped(sweep.acted, lambda one: (one.outcome, one.action, one.reason))
    return [
        Done(action, outcome, reason, _names(one.user_name for one in members))
        for (outcome, action, reason), members in sorted(grouped.items(), key=lambda item: _weight(item[1][0]))
    ]


def _weight(acted: Acted) -> tuple[int, int, str]:
    return list(Outcome).index(Outcome(acted.outcome)), -acted.action.rank, acted.reason


def _names(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(names), key=lambda name: (name.lower(), name)))


def _grouped(items: Iterable[T], key: Callable[[T], Key]) -> dict[Key, list[T]]:
    """The items by key, in their order."""
    found: dict[Key, list[T]] = defaultdict(list)
    for item in items:
        found[key(item)].append(item)
    return found

"""Take the step that is due on one user, in the presence of other sweeps, operators, and whatever changed meanwhile."""

from dataclasses import dataclass
from typing import Any

from gatehouse import mailing, times
from gatehouse.compliance import actions, cases, exemptions, live, restricting, telling
from gatehouse.compliance.actions import Step
from gatehouse.compliance.cases import Busy, Case, Restriction, Suspension
from gatehouse.compliance.live import Live
from gatehouse.compliance.model import Acted, Finding, Mode, Outcome, Rules
from gatehouse.compliance.restricting import ChangedMeanwhile, NoRoom, Policies
from gatehouse.table import Table


@dataclass(frozen=True)
class Means:
    """What acting takes: clients, the table, the stack's policies, and where mails come from."""

    iam: Any
    ses: Any
    table: Table
    policies: Policies
    sender: mailing.Sender


def act(means: Means, finding: Finding, rules: Rules, begun: str) -> Acted:
    """What was done about a finding in the sweep that began then, or why nothing was.

    A dry run looks and writes nothing.
    """
    now, seen = times.now(), live.look(means.iam, means.table, finding.subject)
    known = cases.find(means.table, finding.subject) if seen else None
    step = _step(finding, seen, known, rules, now)
    if seen is None or step.action is None:
        return _acted(finding, step.action, Outcome.SKIPPED, step.reason)
    if rules.dry_run:
        return _acted(finding, step.action, Outcome.DRY_RUN, step.reason)
    try:
        with cases.held(means.table, seen.user_name, seen.user_id) as case:
            # Somebody may have acted since: only now nobody else does.
            step = _step(finding, seen, case, rules, now)
            if step.action is None:
                return _acted(finding, None, Outcome.SKIPPED, step.reason)
            return _take(means, case, seen, finding, step, rules, now, begun)
    except (NoRoom, ChangedMeanwhile) as reason:
        return _acted(finding, step.action, Outcome.SKIPPED, str(reason))
    except Busy as reason:
        # Perhaps a try of this very sweep that ended half-way: the next sweep comes again.
        return _acted(finding, step.action, Outcome.FAILED, str(reason))


def _step(finding: Finding, seen: Live | None, case: Case | None, rules: Rules, now: str) -> Step:
    if case and seen and case.user_id != seen.user_id:
        case = None
    exemption = exemptions.exemption(seen.tags, now) if seen else None
    return actions.next_step(finding, seen, exemption, case, rules, now)


def _take(
    means: Means, case: Case, seen: Live, finding: Finding, step: Step, rules: Rules, now: str, begun: str
) -> Acted:
    told: str | None = None
    stands: Restriction | Suspension | None = None
    if step.action is Mode.SUSPEND:
        case = restricting.ensure_suspended(means.iam, means.table, case, seen, means.policies)
        stands = case.suspension
    elif step.action is Mode.RESTRICT:
        case = restricting.ensure_restricted(means.iam, means.table, case, seen, means.policies)
        stands = case.restriction
    assert step.action is not None
    if name := telling.due(case, step.action, finding, rules, now):
        content = telling.of_finding(case, seen, finding, rules, now)
        case, told = telling.tell(
            means.ses, means.table, case, seen, name, content, means.sender, means.policies.account_id
        )
    # What an earlier try of this sweep did was done by this sweep.
    done = told == telling.MAILED or (stands is not None and stands.at >= begun)
    outcome = Outcome.FAILED if told == telling.NOT_SENT else Outcome.DONE if done else Outcome.SKIPPED
    if step.action is not Mode.REMIND:
        return _acted(finding, step.action, outcome, "; ".join(filter(None, (step.reason, told))))
    _note_reminder(means.table, case, finding)
    return _acted(finding, step.action, outcome, told or "was reminded lately")


def _note_reminder(table: Table, case: Case, finding: Finding) -> None:
    """The days until a restriction begin with the first reminder of this finding, though its try came no further."""
    sent, since = case.mails_sent.get(telling.REMINDERS[finding.kind], ""), times.after(finding.since, 0)
    if sent >= since > (case.reminded_at or ""):
        cases.write(table, case, {"reminded_at": sent, **({} if case.stands else cases.kept())})


def _acted(finding: Finding, action: Mode | None, outcome: Outcome, reason: str) -> Acted:
    return Acted(finding.subject, action or (finding.due.action if finding.due else Mode.REPORT), outcome, reason[:100])

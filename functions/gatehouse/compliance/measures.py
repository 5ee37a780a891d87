"""What of a sweep goes into CloudWatch's metrics. Each is a state, not an increase: look at its maximum."""

from collections import Counter
from dataclasses import dataclass

from gatehouse import times
from gatehouse.compliance import overview
from gatehouse.compliance.model import ROOT, Kind, Outcome, Sweep


@dataclass(frozen=True)
class Measure:
    """`dimension` is a name with its value, besides the stack's; None for a number of the whole account."""

    name: str
    value: int
    unit: str = "Count"
    dimension: tuple[str, str] | None = None


def of(sweep: Sweep) -> list[Measure]:
    """Every number, zero as well: an alarm ends only where it is told so."""
    counts, standing = sweep.counts, overview.open_findings(sweep)
    outcomes = Counter(one.outcome for one in sweep.acted)
    kinds = Counter(finding.kind for finding in standing)
    reported = (times.parse(sweep.at) - times.parse(sweep.reported_at)).total_seconds()
    return [
        Measure("Sweeps", 1),
        Measure("Users", counts.users),
        Measure("ConsoleUsers", counts.console_users),
        Measure("ConsoleUsersWithoutMfa", counts.console_users - counts.console_users_with_mfa),
        Measure("ConsoleUsersWithoutMfaOverdue", overview.overdue(sweep)),
        Measure("RootFindings", sum(finding.subject == ROOT for finding in standing)),
        Measure("OpenFindings", len(standing)),
        Measure("ExemptFindings", counts.exempt),
        Measure("ActionsDue", overview.due_now(sweep)),
        Measure("ActionsDone", outcomes[Outcome.DONE]),
        Measure("ActionsFailed", outcomes[Outcome.FAILED]),
        Measure("CircuitBreakerOpen", int(sweep.broken is not None)),
        Measure("CredentialReportAge", max(int(reported), 0), "Seconds"),
        *(
            Measure("OpenFindings", number, dimension=("severity", severity))
            for severity, number in overview.by_severity(sweep).items()
        ),
        *(Measure("OpenFindings", kinds[kind], dimension=("kind", kind.value)) for kind in Kind),
    ]

"""The numbers of a sweep as CloudWatch gets them."""

from dataclasses import replace

from gatehouse.compliance import measures
from gatehouse.compliance.model import ROOT, Acted, Exemption, Finding, Kind, Mode
from local import sample_sweep

EMPTY = sample_sweep.made_up(0)
NAMES = {measure.name for measure in measures.of(EMPTY)}


def told(**change: object) -> dict[str, int]:
    """The numbers of a sweep that are not zero, those with a dimension by its value."""
    found = measures.of(replace(EMPTY, **change))  # type: ignore[arg-type]
    return {one.dimension[1] if one.dimension else one.name: one.value for one in found if one.value}


def test_an_empty_account_is_told_in_zeros_too() -> None:
    assert told() == {"Sweeps": 1, "CredentialReportAge": 108 * 60}


def test_findings_are_counted_whole_by_severity_and_by_kind() -> None:
    root = Finding(Kind.ROOT_ACCESS_KEY, ROOT, "arn", "x", EMPTY.at)
    alice = Finding(Kind.CONSOLE_WITHOUT_MFA, "alice", "arn", "x", "2026-11-01T06:00:00.000000Z")
    exempt = replace(alice, subject="bob", exemption=Exemption("olga", "x", "2027-01-01"))
    numbers = told(findings=(root, alice, exempt))
    del numbers["Sweeps"], numbers["CredentialReportAge"]
    assert numbers == {
        "OpenFindings": 2,
        "RootFindings": 1,
        "ConsoleUsersWithoutMfaOverdue": 1,
        "critical": 1,
        "high": 1,
        "root-access-key": 1,
        "console-without-mfa": 1,
    }


def test_what_was_done_and_what_failed_are_told_apart() -> None:
    outcomes = ("done", "done", "failed", "skipped", "dry-run")
    numbers = told(acted=tuple(Acted("alice", Mode.REMIND, outcome, "x") for outcome in outcomes), broken="too many")
    assert (numbers["ActionsDone"], numbers["ActionsFailed"], numbers["CircuitBreakerOpen"]) == (2, 1, 1)

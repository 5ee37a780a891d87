"""One sweep as Gatehouse makes it, in a process of its own: run by its path, with the functions' interpreter.

    python -I sweep_probe.py PACKAGE OUT

Reads the account, judges it, and writes to the folder OUT what a sweep keeps and shows, and who has no MFA.
"""

import json
import sys
from pathlib import Path


def main(package: str, out: Path) -> None:
    sys.path.insert(0, package)
    from gatehouse import times
    from gatehouse.clients import client
    from gatehouse.compliance import evaluation, inventory, report, sweeps
    from gatehouse.compliance.guard import Guard
    from gatehouse.compliance.model import Kind, Mode, Rules
    from gatehouse.compliance.password_policy import Wanted

    iam = client("iam")
    if not inventory.request_report(iam):
        raise RuntimeError("the benchmark's account has its report ready")
    account = inventory.read(iam, Wanted(14, (), 90, 24), {})
    rules = Rules(Mode.REPORT, True, 1, 7, 14, 30, False, 5, 90, 45, 90, 30, 7)
    guard = Guard.of("arn:aws:iam::123456789012:policy/gatehouse/gatehouse-boundary-")
    sweep = evaluation.evaluate("bench", account, rules, guard, None, times.now())
    # The report is another function's.
    del account
    (out / "findings.json").write_text(sweeps.to_json(sweep))
    (out / "report.csv").write_text(report.as_csv(sweep))
    (out / "report.html").write_text(report.as_html(sweep))
    names = sorted(one.subject for one in sweep.findings if one.kind is Kind.CONSOLE_WITHOUT_MFA)
    (out / "names.json").write_text(json.dumps(names))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))

"""What MiniStack does otherwise than AWS, mended before it starts: one function for each difference.

Each replaces a function of the emulator by one that wraps it, so this holds for exactly the release in
requirements/emulator.in. tests/local/test_mend_*.py have a test for each, which also tell when a newer
release no longer needs it.
"""

from collections.abc import Callable

from local.mends import (
    cloudformation,
    conditions,
    decisions,
    enrolment_events,
    gateway,
    iam_limits,
    iam_rate,
    iam_users,
    machines,
    mail_events,
    managed_policies,
    map_runs,
    passwords,
    resources,
    runbooks,
    secrets,
)

MENDS: list[Callable[[], None]] = [
    *resources.MENDS,
    *conditions.MENDS,
    *iam_users.MENDS,
    *iam_limits.MENDS,
    *iam_rate.MENDS,
    *managed_policies.MENDS,
    *passwords.MENDS,
    # Before those that ask IAM for more than the emulator does, so that what they ask is recorded as well.
    *decisions.MENDS,
    *secrets.MENDS,
    *runbooks.MENDS,
    *machines.MENDS,
    *map_runs.MENDS,
    *gateway.MENDS,
    *enrolment_events.MENDS,
    *mail_events.MENDS,
    *cloudformation.MENDS,
]


def apply() -> None:
    for mend in MENDS:
        mend()

"""Onboardings as the .csv that the console's wizard hands out for new users, without anything secret in it."""

import csv
import io
from collections.abc import Iterable

from gatehouse import iam_users
from gatehouse.model import Onboarding

MEDIA_TYPE = "text/csv"

# The first and the second are the wizard's own names; its password column is the one that never comes.
_COLUMNS = (
    "User name",
    "Console sign-in URL",
    "Status",
    "Status reason",
    "Email",
    "Profile",
    "Onboarding ID",
    "Created",
    "Expires",
)

_BEGINS_A_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def of(records: Iterable[Onboarding]) -> str:
    """A header and a line for each record."""
    return written(_COLUMNS, map(_line, records))


def written(columns: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A header and the rows as RFC 4180 wants them; what a spreadsheet would compute is shown instead."""
    text = io.StringIO()
    lines = csv.writer(text)
    lines.writerow(columns)
    lines.writerows([_harmless(cell) for cell in row] for row in rows)
    return text.getvalue()


def _line(record: Onboarding) -> tuple[str, ...]:
    signs_in = record.sign_in_url or iam_users.sign_in_url_of(record.account_id)
    return (
        record.user_name,
        # An application never signs in.
        "" if record.is_application else signs_in,
        record.status.value,
        record.status_reason or "",
        record.request["email"],
        record.request["profile"],
        record.onboarding_id,
        record.created_at,
        record.request["expires_at"] or "",
    )


def _harmless(cell: str) -> str:
    """A cell that a spreadsheet would compute is shown instead.

    https://owasp.org/www-community/attacks/CSV_Injection
    """
    return f"'{cell}" if cell.startswith(_BEGINS_A_FORMULA) else cell

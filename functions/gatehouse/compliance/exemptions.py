"""Who is left alone, and until when: three tags of the user, that an administrator sets."""

from collections.abc import Mapping
from datetime import date

from gatehouse import times
from gatehouse.compliance.model import Exemption

OWNER, REASON, UNTIL = "gatehouse:exempt-owner", "gatehouse:exempt-reason", "gatehouse:exempt-until"


def exemption(tags: Mapping[str, str], now: str) -> Exemption | None:
    """The exemption that these tags of a user make, None without one that is complete and not over."""
    return None if problem(tags, now) else _of(tags)


def problem(tags: Mapping[str, str], now: str) -> str | None:
    """Why the tags of an exemption exempt nobody, None where they do, or there are none."""
    given = _of(tags)
    if given is None:
        return None
    if missing := [tag for tag, value in zip((OWNER, REASON, UNTIL), _values(given), strict=True) if not value]:
        return f"its exemption has no {' and no '.join(missing)}"
    try:
        over = date.fromisoformat(given.until) <= times.parse(now).date()
    except ValueError:
        return f"its exemption's {UNTIL} is no date (2027-01-31)"
    return f"its exemption ended {given.until} (owner {given.owner})" if over else None


def _of(tags: Mapping[str, str]) -> Exemption | None:
    if not {OWNER, REASON, UNTIL} & set(tags):
        return None
    return Exemption(*(tags.get(tag, "").strip() for tag in (OWNER, REASON, UNTIL)))


def _values(given: Exemption) -> tuple[str, str, str]:
    return given.owner, given.reason, given.until

"""Times as the API shows them: RFC 3339, UTC, microseconds, so that text order is time order."""

from datetime import UTC, datetime, timedelta

FORMAT = "%Y-%m-%dT%H:%M:%S.%fZ"
DAY = 86_400
"""Seconds."""


def now() -> str:
    return text(datetime.now(UTC))


def this_minute() -> str:
    """For what is looked up once a minute."""
    return now()[:16]


def after(moment: str, seconds: float) -> str:
    """`moment` plus that many seconds (may be negative)."""
    return text(parse(moment) + timedelta(seconds=seconds))


def parse(moment: str) -> datetime:
    """Raises ValueError for what is no time."""
    parsed = datetime.fromisoformat(moment)
    if parsed.tzinfo is None:
        raise ValueError(f"{moment} has no time zone")
    return parsed.astimezone(UTC)


def text(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime(FORMAT)


def in_words(moment: str) -> str:
    """A time as people read it, to the minute: `3 March 2026, 09:00 UTC`."""
    parsed = parse(moment)
    return f"{parsed.day} {parsed:%B %Y, %H:%M} UTC"

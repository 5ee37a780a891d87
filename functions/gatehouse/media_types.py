"""Which of the representations on offer somebody wants who sent an Accept header (RFC 9110, 12.5.1)."""

from collections.abc import Sequence


def preferred(accept: str | None, offered: Sequence[str]) -> str:
    """The media type wanted most: by quality, among equals the one that is named, among those the one offered first.

    Where nothing is accepted, or the header makes no sense, the first one on offer: an answer is of more use than none.
    """
    ranges = [_range(text) for text in (accept or "*/*").split(",")]
    return max(offered, key=lambda media_type: _wanted(media_type, ranges))


def _range(text: str) -> tuple[str, float]:
    """A media range without its other parameters, and its quality; what is no number counts as not wanted."""
    name, *parameters = (part.strip().lower() for part in text.split(";"))
    given = dict(parameter.partition("=")[::2] for parameter in parameters)
    try:
        quality = float(given.get("q", "1"))
    except ValueError:
        return name, 0
    return name, quality if 0 <= quality <= 1 else 0


def _wanted(media_type: str, ranges: Sequence[tuple[str, float]]) -> tuple[float, int]:
    """Quality and precision of the most precise range that holds the type."""
    holding = ("*/*", f"{media_type.split('/')[0]}/*", media_type)
    found = [(holding.index(name), quality) for name, quality in ranges if name in holding]
    precision, quality = max(found, default=(0, 0.0))
    return quality, precision if quality else 0

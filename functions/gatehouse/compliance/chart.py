"""Counts over time as the shapes of an SVG: a chart of its own for each number, since they differ by magnitudes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gatehouse import times
from gatehouse.compliance.model import Counts, Past, Sweep

WIDTH, HEIGHT = 600, 120
"""The size of the view box; the page stretches it."""


@dataclass(frozen=True)
class Chart:
    """`points` are those of an SVG polyline; `line` and `area` differ by the corners at the bottom.

    `first`, `last`, `least` and `most` are the values, `since` when the first one was counted.
    """

    title: str
    line: str
    area: str
    first: int
    last: int
    least: int
    most: int
    since: str


NUMBERS: dict[str, Callable[[Counts], int]] = {
    "Console users with MFA": lambda counts: counts.console_users_with_mfa,
    "Console users without MFA": lambda counts: counts.console_users - counts.console_users_with_mfa,
    "Open findings": lambda counts: counts.findings,
}


def charts(sweep: Sweep) -> list[Chart]:
    """A chart for each number; none as long as there is nothing to compare with."""
    past = [one for one in sweep.past if one.at < sweep.at]
    if not past:
        return []
    history = sorted([*past, Past(sweep.at, sweep.counts)], key=lambda one: one.at)
    return [_chart(title, history, number) for title, number in NUMBERS.items()]


def _chart(title: str, history: Sequence[Past], number: Callable[[Counts], int]) -> Chart:
    values = [number(one.counts) for one in history]
    moments = [times.parse(one.at).timestamp() for one in history]
    # From nothing on, or a small change would look like a large one.
    top = max(*values, 1)
    points = [
        f"{(moment - moments[0]) / (moments[-1] - moments[0]) * WIDTH:.1f},{HEIGHT - value / top * HEIGHT:.1f}"
        for moment, value in zip(moments, values, strict=True)
    ]
    return Chart(
        title=title,
        line=" ".join(points),
        area=" ".join([f"0,{HEIGHT}", *points, f"{WIDTH},{HEIGHT}"]),
        first=values[0],
        last=values[-1],
        least=min(values),
        most=max(values),
        since=history[0].at,
    )

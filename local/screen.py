"""What the demo prints: live on a terminal, plain lines in order anywhere else."""

import json
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from rich.console import Console, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.rule import Rule
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from local.timeline import Moment, Step, Timeline

WIDEST = 100
"""Columns: longer lines of a mail are hard to read."""

# A row of the table is written a moment after the time it carries.
_SETTLED_AFTER = 0.5


class Screen:
    """Prints what is said to it. Texts from outside are never read as markup, and control codes are dropped."""

    def __init__(self) -> None:
        if hasattr(sys.stdout, "reconfigure"):
            # An output that knows no box drawing shows question marks instead of failing.
            sys.stdout.reconfigure(errors="replace")
        self._console = Console(highlight=False, soft_wrap=False)
        self._live: Live | None = None
        self._printed: set[Moment] = set()
        self._timeline: Timeline | None = None
        self._looked = time.monotonic()

    @property
    def _width(self) -> int:
        return min(self._console.width, WIDEST)

    @contextmanager
    def live(self) -> Iterator[None]:
        """On a terminal the timeline stays at the bottom and moves on until this ends."""
        if not self._console.is_terminal or self._console.is_dumb_terminal:
            yield
            return
        self._live = Live(get_renderable=self._picture, console=self._console, refresh_per_second=8)
        try:
            with self._live:
                yield
        finally:
            self._live = None

    def heading(self, text: str) -> None:
        self._console.print()
        self._console.print(Rule(Text(text, style="bold"), align="left", style="dim"), width=self._width)

    def say(self, text: str, style: str = "") -> None:
        self._console.print(Text(text, style), width=self._width)

    def quote(self, title: str, text: str) -> None:
        """A text in a frame."""
        self._console.print(Panel(Text(text.strip()), title=Text(title), title_align="left", width=self._width))

    def mail(self, mail: Mapping[str, Any]) -> None:
        """A mail as a program that shows plain text shows it."""
        head = f"From: {mail['from']}\nTo: {', '.join(mail['to'])}\nSubject: {mail['subject']}\n\n"
        self.quote("mail", head + mail["text"])

    def pairs(self, rows: Sequence[tuple[str, str]]) -> None:
        """Labels with their values, one below the other."""
        table = Table.grid(padding=(0, 2))
        table.add_column(style="bold", no_wrap=True)
        table.add_column(overflow="fold")
        for label, value in rows:
            table.add_row(Text(label), Text(value))
        self._console.print(table, width=self._width)

    def outcomes(self, columns: Sequence[str], rows: Sequence[tuple[str, ...]]) -> None:
        """A table of what was tried and what came of it."""
        table = Table(*columns, width=self._width)
        for what, *found in rows:
            table.add_row(Text(what), *(Text(text, _colour(text)) for text in found))
        self._console.print(table)

    def document(self, title: str, value: object) -> None:
        self.quote(title, json.dumps(value, indent=2, ensure_ascii=False))

    def show(self, timeline: Timeline, *, whole: bool = False) -> None:
        """Bring the timeline up to date. `whole`: nothing of it is still on its way."""
        self._timeline, self._looked = timeline, time.monotonic()
        if self._live:
            self._live.refresh()
            return
        if self._console.is_terminal and not self._console.is_dumb_terminal:
            return
        for moment in timeline.moments:
            if moment not in self._printed and (whole or moment.seconds <= timeline.read - _SETTLED_AFTER):
                self._console.print(Text(f"{moment.seconds:7.2f} s  {moment.text}"), soft_wrap=True)
                self._printed.add(moment)

    def _picture(self) -> RenderableType:
        timeline = self._timeline
        if timeline is None:
            return Text("")
        now = timeline.read + time.monotonic() - self._looked
        table = Table.grid(padding=(0, 1))
        # What is left of the frame's inside is for the notes.
        for width in (1, 23, 8, self._width - 39):
            table.add_column(width=width, no_wrap=True, overflow="ellipsis")
        for step in timeline.steps:
            table.add_row(*_row(step, now, timeline.running))
        title = Text.assemble(
            (str(timeline.record["user_name"]), "bold"), "  ", str(timeline.record["status"]),
            f"  {now if timeline.running else timeline.moments[-1].seconds:.1f} s",
        )  # fmt: skip
        return Panel(table, title=title, title_align="left", width=self._width)


_spinner = Spinner("dots")


def _row(step: Step, now: float, running: bool) -> tuple[RenderableType, ...]:
    notes = Text(" · ".join(step.notes), "dim")
    if step.left is not None:
        return Text("✓", "green"), Text(step.name), Text(f"{step.left - step.entered:6.2f} s"), notes
    if step.entered <= now:
        mark = _spinner if running else Text("✗", "red")
        return mark, Text(step.name, "bold"), Text(f"{now - step.entered:6.1f} s", "bold"), notes
    return Text(" "), Text(step.name, "dim"), Text(""), notes


def _colour(text: str) -> str:
    if "SHOULD" in text:
        return "bold red"
    return {"allowed": "green", "refused": "yellow"}.get(text.split(",")[0], "")

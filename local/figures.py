"""The benchmark's tables: what was measured, beside what it may be."""

import statistics
from collections import Counter
from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from local import cold_start, measured, prices
from local.cold_start import ColdStart
from local.measured import Run

# What one onboarding, and a cold start beside a bare function's, may cost.
RATIOS = {"step": 1.15, "API function": 1.25}
TRANSITIONS, HISTORY_EVENTS = 12, 100
CALLS, IAM_CALLS = 35, 10
ZIP_BYTES, DOLLARS = 1_500_000, 0.0005

_LONGEST_BAR = 12
_WIDEST_RATIO = 0.4


def print_starts(console: Console, starts: Sequence[ColdStart], run: Run) -> None:
    """Every function beside a bare one, and how much memory it had at most since the stack came up."""
    peaks = {worker.function: f"{worker.peak / 1e6:.0f} MB" for worker in run.workers}
    table = _table(
        "Cold start: CPU of a fresh process in ms, beside a bare function's", "function",
        "bare", "ours", "ratio", "aim", "", "above bare", "fastest", "peak memory",
    )  # fmt: skip
    for kind, aim in RATIOS.items():
        for start in (one for one in starts if one.function.kind == kind):
            table.add_row(
                start.function.name, f"{start.bare * 1000:.0f}", f"{start.ours * 1000:.0f}", f"{start.ratio:.2f}",
                *_judged(start, aim), _bar(start.ratio - 1, _WIDEST_RATIO), f"{start.fastest:.2f}",
                peaks.get(start.function.name, "not run"),
            )  # fmt: skip
        table.add_section()
    console.print(table)
    console.print(
        f"Steps above, API functions below. Medians of {cold_start.RUNS} processes each, in turn; fastest: the ratio "
        "of the quickest ones, which other programs disturbed least. Bare: the runtime's client, and boto3 with the "
        "same clients; of functions that make none nothing is demanded, since bare they do nothing at all."
    )


def _judged(start: ColdStart, aim: float) -> tuple[str, Text]:
    return (f"≤ {aim}", _mark(start.ratio <= aim)) if start.function.services else ("", Text())


def print_calls(console: Console, cold: Run, warm: Run) -> None:
    """Who called which service how often."""
    counted = Counter((call.function, call.service) for call in cold.calls)
    services = sorted({service for _, service in counted})
    table = _table("AWS calls of one onboarding with approval", "function", *services, "all")
    for function in dict.fromkeys(call.function for call in cold.calls):
        numbers = [counted[function, service] for service in services]
        table.add_row(function, *(str(number or "") for number in numbers), str(sum(numbers)))
    table.add_section()
    totals = [sum(call.service == service for call in cold.calls) for service in services]
    table.add_row("all", *map(str, totals), str(sum(totals)))
    console.print(table)
    same = Counter(call.operation for call in cold.calls) == Counter(call.operation for call in warm.calls)
    console.print(f"The next onboarding, with warm functions, made {'the same' if same else len(warm.calls)} calls.")


def print_cost(console: Console, run: Run) -> None:
    """What one onboarding costs, service by service."""
    table = _table(
        "Cost of one onboarding with approval, every function cold", "service",
        "units", "$ a million", "$", "", "unit", "listed at aws.amazon.com/",
    )  # fmt: skip
    for name, (units, dollars) in prices.cost(measured.usage(run)).items():
        price, unit, source = prices.PRICES[name]
        table.add_row(
            name, f"{units:.4g}", f"{price * 1e6:.4g}", f"{dollars:.6f}", _bar(dollars, DOLLARS), unit, source
        )
    console.print(table)
    console.print(
        f"Lambda: {sum(worker.cpu for worker in run.workers):.1f} s of CPU where {prices.MEMORY_MB} MB have "
        f"{prices.MEMORY_MB / prices.FULL_CORE_MB:.0%} of a processor, and {prices.CALL_SECONDS * 1000:.0f} ms for "
        f"each call. Besides, a secret that waits a day for its claim costs ${prices.SECRET_MONTH / 30:.4f}."
    )


def print_summary(console: Console, starts: Sequence[ColdStart], cold: Run, warm: Run, zipped: int) -> None:
    """Every aim, and whether it is met."""
    table = _table("In short", "what", "measured", "aim", "")
    for row in _summary(starts, cold, warm, zipped):
        table.add_row(*row)
    console.print(table)


def _summary(starts: Sequence[ColdStart], cold: Run, warm: Run, zipped: int) -> Iterator[tuple[str, str, str, Text]]:
    for kind, aim in RATIOS.items():
        ratios = [start.ratio for start in starts if start.function.kind == kind and start.function.services]
        yield f"cold start beside bare, worst {kind}", f"{max(ratios):.2f}", f"≤ {aim}", _mark(max(ratios) <= aim)
        yield _part(f"middle {kind}", f"{statistics.median(ratios):.2f}")
    yield "state transitions", str(cold.transitions), f"≤ {TRANSITIONS}", _mark(cold.transitions <= TRANSITIONS)
    events = len(cold.history)
    yield "history events", str(events), f"< {HISTORY_EVENTS}", _mark(events < HISTORY_EVENTS)
    steps = {start.function.name for start in starts if start.function.kind == "step"}
    for what, made, aim in (
        ("AWS calls by functions", cold.calls, CALLS),
        ("IAM calls by functions", [call for call in cold.calls if call.service == "iam"], IAM_CALLS),
    ):
        by_steps = sum(call.function in steps for call in made)
        yield what, str(len(made)), f"≤ {aim}", _mark(len(made) <= aim)
        yield _part("by steps", str(by_steps))
        yield _part("by edges", str(len(made) - by_steps))
    size = f"{zipped / 1e6:.2f} MB"
    yield "package, zipped, with bytecode", size, f"≤ {ZIP_BYTES / 1e6} MB", _mark(zipped <= ZIP_BYTES)
    costs = {name: dollars for name, (_, dollars) in prices.cost(measured.usage(cold)).items()}
    dollars = sum(costs.values())
    yield "cost besides the secret's storage", f"${dollars:.5f}", f"≤ ${DOLLARS}", _mark(dollars <= DOLLARS)
    yield _part("of it for mails", f"${costs['SES']:.5f}")
    yield _part("of it for all else", f"${dollars - costs['SES']:.5f}")
    yield "peak memory of a function", f"{max(worker.peak for worker in warm.workers) / 1e6:.0f} MB", "", Text("")
    yield "request to COMPLETE, cold", f"{cold.seconds:.1f} s", "", Text("")
    yield "request to COMPLETE, warm", f"{warm.seconds:.1f} s", "", Text("")


def _part(what: str, measured_as: str) -> tuple[str, str, str, Text]:
    """A row that says more about the one before it."""
    return f"  {what}", measured_as, "", Text("")


def _table(title: str, *headings: str) -> Table:
    """Figures to the right; names, bars and what has no heading to the left."""
    table = Table(title=title, title_justify="left", title_style="bold")
    words = {headings[0], "", "above bare", "unit", "listed at aws.amazon.com/"}
    for heading in headings:
        table.add_column(heading, justify="left" if heading in words else "right", no_wrap=True)
    return table


def _mark(met: bool) -> Text:
    return Text("met", "green") if met else Text("MISSED", "bold red")


def _bar(value: float, whole: float) -> str:
    """A bar of full length for `whole`, and for more."""
    return "█" * max(0, min(_LONGEST_BAR, round(value / whole * _LONGEST_BAR)))

"""The results in the terminal: a table, bars, and the targets."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from bench.results import Results
from bench.rows import ROWS
from bench.targets import judged

_WIDTH = 40
_BARS = ("request_cpu_us", "trickle_chunk_cpu_us", "open_mb")
_COLOURS = {"reached": "green", "missed": "bold red", "not measured": "dim"}


def show(results: Results, console: Console) -> None:
    console.print(_table(results))
    for row in ROWS:
        if row.figure in _BARS:
            console.print(f"\n{row.label} ({row.unit})", style="bold")
            for line in bars(
                {name: f[row.figure] for name, f in results.figures.items() if row.figure in f}
            ):
                console.print(line, highlight=False)
    console.print()
    for one in judged(results):
        value = "" if one.value is None else f"{one.value:.3g}"
        bound = f"{value} ≤ {one.target.limit:.3g} {one.target.unit}".strip()
        console.print(
            f"{one.verdict:>12}  {one.target.label}: {bound}", style=_COLOURS[one.verdict]
        )


def bars(values: dict[str, float]) -> list[str]:
    """One bar each, the longest for the greatest value."""
    greatest = max(values.values(), default=0) or 1
    return [
        f"{name:>12} {'█' * max(1, round(_WIDTH * value / greatest))} {value:,.1f}"
        for name, value in values.items()
    ]


def _table(results: Results) -> Table:
    table = Table(title=f"medians of {results.rounds} rounds, in brackets: times {results.base}")
    table.add_column("")
    table.add_column("unit")
    for system in results.figures:
        table.add_column(system, justify="right")
    for row in ROWS:
        table.add_row(
            row.label, row.unit, *(row.cell(results, system) for system in results.figures)
        )
    return table

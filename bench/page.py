"""The results in the documentation: everything between two markers of the page is the bench's."""

from __future__ import annotations

from pathlib import Path

from bench.results import Results
from bench.rows import ROWS
from bench.targets import judged

PAGE = Path(__file__).parent.parent / "docs" / "reference" / "performance.md"
BEGIN = "<!-- bench: figures begin -->"
END = "<!-- bench: figures end -->"


def publish(results: Results, page: Path = PAGE) -> None:
    page.write_text(inserted(page.read_text(), shown(results)))


def inserted(text: str, figures: str) -> str:
    """The page with new figures. Raises ValueError when a marker is missing."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError("the page has lost its markers")
    return f"{before}{BEGIN}\n\n{figures}\n\n{END}{after}"


def shown(results: Results) -> str:
    return "\n\n".join((_circumstances(results), _figures(results), _targets(results)))


def _circumstances(results: Results) -> str:
    machine = results.machine
    versions = ", ".join(f"{name} {number}" for name, number in results.versions.items() if number)
    apart = "" if results.cores_are_apart else " One core carried the load as well."
    return (
        f"Measured on {results.made}: {machine.cpu}, {machine.cores} cores, {machine.system}, "
        f"Python {machine.python}; {versions}; medians of {results.rounds} rounds, "
        f"{results.seconds:g} s each.{apart} In brackets: times the figure of {results.base}."
    )


def _figures(results: Results) -> str:
    head = ["figure", "unit", *results.figures]
    rows = [
        [row.label, row.unit, *(row.cell(results, system) for system in results.figures)]
        for row in ROWS
    ]
    return _table(head, rows, left=2)


def _targets(results: Results) -> str:
    rows = [
        [
            one.target.label,
            f"≤ {one.target.limit:.3g} {one.target.unit}",
            "-" if one.value is None else f"{one.value:.3g}",
            one.verdict,
        ]
        for one in judged(results)
    ]
    return _table(["target", "bound", "measured", ""], rows, left=1)


def _table(head: list[str], rows: list[list[str]], *, left: int) -> str:
    rule = ["---"] * left + ["---:"] * (len(head) - left)
    return "\n".join("| " + " | ".join(row) + " |" for row in (head, rule, *rows))

"""How results are printed: JSON for programs, tables for people, money exactly in both."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from typing import Any, Literal, Protocol

from tollhouse.domain.budget import dollars

WIDTH_OF_A_PIPE = 200
BAR_LENGTH = 24


def print_json(value: Any) -> None:
    print(json.dumps(value, indent=2, ensure_ascii=False))


def note(text: str) -> None:
    """For the person, beside the result."""
    print(text, file=sys.stderr)


def money(name: str, nanos: int | None) -> dict[str, Any]:
    """Two members: the whole number that counts, and how it reads."""
    return {f"{name}_nanos": nanos, f"{name}_dollars": None if nanos is None else dollars(nanos)}


def table(columns: Sequence[str], rows: Iterable[Sequence[str]], empty: str) -> None:
    """A column whose name begins with `>` is set to the right."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    shown = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for place, column in enumerate(columns):
        justify: Literal["left", "right"] = "right" if column.startswith(">") else "left"
        name = column.removeprefix(">")
        shown.add_column(name, justify=justify, overflow="fold", no_wrap=place == 0)
    for row in rows:
        shown.add_row(*(_plain(cell) for cell in row))
    if not shown.row_count:
        note(empty)
        return
    width = None if sys.stdout.isatty() else WIDTH_OF_A_PIPE
    Console(highlight=False, width=width).print(shown)


class Used(Protocol):
    """What is not counted in tokens."""

    @property
    def images(self) -> int | None: ...
    @property
    def seconds(self) -> int | None: ...
    @property
    def characters(self) -> int | None: ...


def beside(used: Used) -> str:
    """As `2 images`."""
    units = (("images", used.images), ("s", used.seconds), ("characters", used.characters))
    return ", ".join(f"{count} {unit}" for unit, count in units if count)


def bar(amount: int, largest: int) -> str:
    """A share of the largest; what is not nothing shows."""
    if amount <= 0 or largest <= 0:
        return ""
    return "█" * max(1, amount * BAR_LENGTH // largest)


def _plain(cell: str) -> Any:
    """Names come from outside: no markup, and nothing that steers a terminal."""
    from rich.text import Text

    return Text("".join(c if c.isprintable() else "?" for c in cell))

"""How a demonstration looks: one line a step with how long it took, plain where there is no terminal."""

from __future__ import annotations

import io
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from rich.console import Console
from rich.text import Text

MARGIN = "  "


@dataclass
class Step:
    """What a step has to say when it is done."""

    says: str = ""


class Screen:
    def __init__(self) -> None:
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(errors="replace")  # a model may say what a terminal cannot show
        self._console = Console(highlight=False, soft_wrap=True)

    def line(self, text: str = "", style: str = "") -> None:
        self._console.print(Text(text, style=style))

    @contextmanager
    def step(self, name: str, doing: str) -> Iterator[Step]:
        """A spinner while it is being done; nothing is claimed if it fails."""
        step, began = Step(), time.monotonic()
        with self._console.status(f"{doing} …"):
            yield step
        self.done(name, step.says, time.monotonic() - began)

    def done(self, name: str, says: str, took_s: float) -> None:
        took = (f"  {took_s:.2f} s", "dim")
        self._console.print(
            Text.assemble(MARGIN, ("✓ ", "green"), (f"{name:<9}", "bold"), says, took)
        )

    def said(self, pieces: Iterable[str]) -> str:
        """Print an answer as it comes; what was said in all."""
        heard: list[str] = []
        self._console.print(MARGIN, end="")
        for piece in pieces:
            heard.append(piece)
            self._console.print(Text(_harmless(piece), style="green"), end="")
        self._console.print()
        return "".join(heard)

    def note(self, text: str) -> None:
        self._console.print(Text.assemble(MARGIN, ("! ", "yellow"), text))


def _harmless(text: str) -> str:
    """Nothing that a model says may steer the terminal."""
    indented = text.replace("\n", "\n" + MARGIN)
    return "".join(c if c.isprintable() or c == "\n" else "?" for c in indented)

"""How a client in Python is told what to do, and says what came of it: a line of JSON for a line."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

QUESTION = "Where is it warmest: in Oslo, Tromsø or Røros?"
SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
}
DESCRIPTION = "The weather in a city."

called: list[str] = []


@dataclass(frozen=True)
class Door:
    """Where to knock, with which key, for which model."""

    origin: str
    key: str
    model: str


def weather(city: str) -> str:
    """The weather in a city."""
    called.append(city)
    return f"{city}: 3 °C"


def play(ways: dict[str, Callable[[Door], dict[str, Any]]]) -> None:
    """Text and tokens of each wish, or the error as the client shows it."""
    for line in sys.stdin:
        wish = json.loads(line)
        called.clear()
        try:
            told = ways[wish.pop("way")](Door(**wish))
        except Exception as error:
            told = {"error": f"{type(error).__name__}: {error}"}
        sys.stdout.write(json.dumps({"called": called, **told}) + "\n")
        sys.stdout.flush()

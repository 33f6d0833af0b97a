"""How a client in Python is told what to do, and says what came of it."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from typing import Any

ORIGIN = os.environ["CLIENT_ORIGIN"]
KEY = os.environ["CLIENT_KEY"]
MODEL = os.environ["CLIENT_MODEL"]

QUESTION = "Where is it warmest: in Oslo, Tromsø or Røros?"
SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
}
DESCRIPTION = "The weather in a city."

called: list[str] = []


def weather(city: str) -> str:
    """The weather in a city."""
    called.append(city)
    return f"{city}: 3 °C"


def tell(ways: dict[str, Callable[[], dict[str, Any]]]) -> None:
    """Runs the way that was asked for: its text and tokens, or the error as the client shows it."""
    try:
        told = ways[sys.argv[1]]()
    except Exception as error:
        told = {"error": f"{type(error).__name__}: {error}"}
    sys.stdout.write(json.dumps({"called": called, **told}))

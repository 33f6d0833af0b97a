"""What the model wants, whatever dialect it is asked in.

Which turn it is, the history says: a client that forgets one repeats it. So the provider needs no
memory, and a wrong history never ends in the right text.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

TOOL = "weather"
PROMPT_TOKENS, COMPLETION_TOKENS = 11, 5  # of each turn


@dataclass(frozen=True)
class Call:
    id: str
    name: str
    arguments: dict[str, Any]


@dataclass(frozen=True)
class Turn:
    """Calls of tools, or the last word."""

    text: str = ""
    calls: tuple[Call, ...] = ()


TURNS = (
    Turn(calls=(Call("call_oslo", TOOL, {"city": "Oslo"}),)),
    Turn(
        calls=(
            Call("call_tromso", TOOL, {"city": "Tromsø"}),
            Call("call_roros", TOOL, {"city": 'Røros, "high"'}),
        )
    ),
    Turn(text="Oslo is the warmest: 3 °C."),
)
CITIES = [call.arguments["city"] for turn in TURNS for call in turn.calls]
LAST_WORD = TURNS[-1].text


def result(city: str) -> str:
    """What the tool says in every client."""
    return f"{city}: 3 °C"


def turn_after(results: list[str], turns: tuple[Turn, ...] = TURNS) -> Turn:
    """The one that follows upon these results of tools."""
    told = 0
    for turn in turns:
        if len(results) == told:
            return turn
        told += len(turn.calls)
    raise AssertionError(f"no turn follows upon {results}")


def pieces(text: str) -> list[str]:
    """As a model says it: cut wherever."""
    return [text[at : at + 7] for at in range(0, len(text), 7)]

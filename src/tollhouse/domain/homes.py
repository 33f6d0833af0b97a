"""Where what a provider made must go again: an answer that it keeps, a thought that only it can read."""

from __future__ import annotations

from tollhouse.domain.values import value


@value
class Home:
    target: str
    """The one that made it and keeps it."""

    id: str
    """As that target knows it."""

    tokens: int
    """The most that it can add to the input of whatever goes on from it."""


@value
class Thought:
    """What a provider encrypted for itself, and a caller brings back."""

    provider: str
    """The one that made it: its account alone opens it."""

    text: str
    """As it came from there."""


MARK = "thr_"
"""How each begins on its way to a caller: this, where it belongs, a dot, and then what came."""


def unmarked(text: str) -> str:
    """What came, of a mark that was looked at before."""
    return text.partition(".")[2] if text.startswith(MARK) else text

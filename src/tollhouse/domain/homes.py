"""Where an answer is kept that a caller may go on from, and how much of a conversation it stands for."""

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

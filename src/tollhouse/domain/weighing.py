"""Which of several is asked first, when they share the calls by weight."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


def in_turn(items: Sequence[T], weights: Sequence[int], seed: float) -> Sequence[T]:
    """The one that a seed from 0 to 1 falls on, then the others as they are written.

    Items without a weight of their own come last anyway, and are never fallen on.
    """
    point = seed * sum(weights)
    for index, weight in enumerate(weights):
        point -= weight
        if point < 0:
            return [items[index], *items[:index], *items[index + 1 :]]
    return items

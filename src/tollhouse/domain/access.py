"""Which models a key may call: exact names, `*`, or `prefix*`; nothing until granted."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from itertools import repeat


def is_granted(model: str, granted: Collection[str]) -> bool:
    return model in granted or any(map(matches, repeat(model), granted))


def is_within(pattern: str, granted: Iterable[str]) -> bool:
    """Whether all that a name or pattern stands for is granted."""
    return any(_covers(wide, pattern) for wide in granted)


def narrowed(granted: Iterable[str], ceiling: Iterable[str]) -> tuple[str, ...]:
    """What both grant: of two patterns that meet, one lies within the other."""
    has, most = tuple(granted), tuple(ceiling)
    met = (*(it for it in has if is_within(it, most)), *(it for it in most if is_within(it, has)))
    return tuple(dict.fromkeys(met))


def _covers(wide: str, pattern: str) -> bool:
    if wide.endswith("*"):
        return pattern.removesuffix("*").startswith(wide[:-1])
    return pattern == wide


def matches(model: str, pattern: str) -> bool:
    if pattern.endswith("*"):
        return model.startswith(pattern[:-1])
    return model == pattern

"""Which models a key may call: exact names, `*`, or `prefix*`; nothing until granted."""

from __future__ import annotations

from collections.abc import Iterable


def is_granted(model: str, granted: Iterable[str]) -> bool:
    return any(matches(model, pattern) for pattern in granted)


def matches(model: str, pattern: str) -> bool:
    if pattern.endswith("*"):
        return model.startswith(pattern[:-1])
    return model == pattern

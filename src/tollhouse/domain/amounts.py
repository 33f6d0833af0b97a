"""Dollars as people write them, exactly: no float is on the way."""

from __future__ import annotations

import re

from tollhouse.domain.errors import FieldInvalid
from tollhouse.domain.pricing import NANOS_PER_DOLLAR

_DOLLARS = re.compile(r"\$?([0-9]{1,9})(?:\.([0-9]{1,9}))?")


def nanos(text: str, what: str) -> int:
    """Whole nano-dollars; refuses signs, exponents and what cannot be kept exactly."""
    match = _DOLLARS.fullmatch(text)
    if match is None:
        raise FieldInvalid(
            f"{what} is an amount of dollars such as 10 or 0.50, under a billion and with at most nine "
            f"decimals, not {text[:40]!r}.",
            param=what,
        )
    whole, decimals = match.groups(default="")
    return int(whole) * NANOS_PER_DOLLAR + int(decimals.ljust(9, "0"))

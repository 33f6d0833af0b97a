"""`service_tier`: which one is asked for, and which one an answer says it was served in."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct

USUAL = (None, "auto", "default")
UNPRICED = "service_tier"
CHEAPER = ("flex",)
"""Without a price of its own it is billed as the usual one, and the rest is given up."""

NAMES = frozenset(("flex", "priority", "scale"))
"""What a price may be named for, as `TARGET@priority`."""


class _Told(Struct, gc=False):
    service_tier: str | None = None


_decode = msgspec.json.Decoder(_Told).decode
_name = msgspec.json.Decoder(str | None).decode


def asked(fields: dict[str, Any]) -> str:
    """Empty for the usual one."""
    tier = fields.get("service_tier")
    return tier if isinstance(tier, str) and tier in NAMES else ""


def is_unpriced(fields: dict[str, Any]) -> bool:
    """Whether it must have a price of its own."""
    tier = fields.get("service_tier")
    return tier not in USUAL and tier not in CHEAPER


def told(answer: bytes) -> str | None:
    """What an answer, or an event of one, says. Read only where a tier was asked for."""
    try:
        return _decode(answer).service_tier
    except (ValueError, RecursionError):
        return None


def named(told: msgspec.Raw) -> str | None:
    """The same, where it was found already."""
    try:
        name: str | None = _name(told)
    except (ValueError, RecursionError):
        return None
    return name

"""What clocks show elsewhere, as far as this machine knows: from its own tables, or the package `tzdata`."""

from __future__ import annotations

from datetime import UTC, tzinfo
from zoneinfo import ZoneInfo

from tollhouse.domain import hours


def clock_of(zone: str) -> tzinfo | None:
    """UTC is known everywhere."""
    if zone == hours.UTC:
        return UTC
    try:
        return ZoneInfo(zone)
    except (LookupError, OSError, ValueError):
        return None

"""When a budget starts anew: so many seconds after its first call, or by the calendar of a zone.

A window holds its first moment and not its last. Windows of the calendar follow each other without a
gap, whatever the clocks of the zone do; one that nobody called in is left out.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, tzinfo
from enum import StrEnum
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from tollhouse.domain.errors import FieldInvalid
from tollhouse.domain.values import value

LONGEST_S = 3650 * 86_400
_SPAN = re.compile(r"([0-9]{1,9})([smhdw])")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


class Calendar(StrEnum):
    """Windows that begin at midnight."""

    DAY = "day"
    WEEK = "week"  # from Monday
    MONTH = "month"


@value
class Period:
    """Seconds that run from a first call, or a part of the calendar."""

    every: Calendar | int
    zone: str = "UTC"

    @property
    def word(self) -> str:
        """As it is written down, and read again by `period`."""
        return self.every.value if isinstance(self.every, Calendar) else f"{self.every}s"


@value
class Window:
    """Milliseconds since the epoch."""

    start: int
    end: int


def period(every: str, zone: str = "UTC") -> Period:
    """`day`, `week`, `month`, or a span such as `30d`; raises FieldInvalid."""
    found_zone(zone)
    if every in tuple(Calendar):
        return Period(Calendar(every), zone)
    match = _SPAN.fullmatch(every)
    seconds = int(match[1]) * _UNITS[match[2]] if match else 0
    if not 0 < seconds <= LONGEST_S:
        raise FieldInvalid(
            f"A period is day, week, month, or a span such as 30d of up to ten years, not {every[:40]!r}.",
            param="every",
        )
    return Period(seconds, zone)


def found_zone(name: str) -> tzinfo:
    """Raises FieldInvalid."""
    if name == "UTC":  # known also to a system without zones
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise FieldInvalid(
            f"There is no time zone {name[:60]!r} here: say one such as UTC or Europe/Berlin.",
            param="zone",
        ) from error


def stored(every: str | None, zone: str | None) -> Period | None:
    """What `word` wrote; looked at when it was set."""
    if every is None:
        return None
    is_calendar = every in tuple(Calendar)
    return Period(Calendar(every) if is_calendar else int(every[:-1]), zone or "UTC")


def window(period: Period, now_ms: int) -> Window:
    """The one that contains `now_ms`."""
    if not isinstance(period.every, Calendar):
        return Window(now_ms, now_ms + period.every * 1000)
    zone = ZoneInfo(period.zone)
    first = _first(period.every, datetime.fromtimestamp(now_ms // 1000, zone).date())
    start, end = _midnight(first, zone), _midnight(_next(period.every, first), zone)
    while end <= now_ms:  # clocks that went back before midnight: it is yesterday once more
        first = _next(period.every, first)
        start, end = end, _midnight(_next(period.every, first), zone)
    return Window(start, end)


def iso(ms: int) -> str:
    """In UTC, to the second."""
    return datetime.fromtimestamp(ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _first(every: Calendar, day: date) -> date:
    if every is Calendar.DAY:
        return day
    if every is Calendar.WEEK:
        return day - timedelta(days=day.weekday())
    return day.replace(day=1)


def _next(every: Calendar, first: date) -> date:
    if every is Calendar.MONTH:
        return (first + timedelta(days=31)).replace(day=1)
    return first + timedelta(days=1 if every is Calendar.DAY else 7)


def _midnight(day: date, zone: ZoneInfo) -> int:
    """Where there is none, because the clocks leap over it, the moment at which they do."""
    return int(datetime(day.year, day.month, day.day, tzinfo=zone).timestamp()) * 1000

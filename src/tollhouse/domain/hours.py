"""When a key may be used: days and hours by the clocks of a place, as `mon-fri 08:00-18:00 Europe/Berlin`.

What a place's clocks show is found out elsewhere: this machine may not know the place, and then nobody comes in.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, tzinfo

from tollhouse.domain.errors import FieldInvalid

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
EVERY_DAY = frozenset(range(7))
DAY_MIN = 24 * 60
UTC = "UTC"
LONGEST = 120

ClockOf = Callable[[str], tzinfo | None]
"""None where nobody here knows the place."""

_span = re.compile(r"([0-9]{2}):([0-9]{2})-([0-9]{2}):([0-9]{2})").fullmatch
_days = re.compile(r"[a-z]{3}(-[a-z]{3})?(,[a-z]{3}(-[a-z]{3})?)*").fullmatch
_zone = re.compile(r"[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)*").fullmatch


@dataclass(frozen=True, slots=True)
class Hours:
    """In minutes of the day. What does not end after it begins goes on into the next day."""

    days: frozenset[int]
    """On which it begins; Monday is 0."""

    begin_min: int
    end_min: int
    zone: str
    clock: tzinfo | None

    def __str__(self) -> str:
        days = ",".join(DAYS[day] for day in sorted(self.days))
        return f"{days} {_shown(self.begin_min)}-{_shown(self.end_min)} {self.zone}"

    def holds(self, now_s: float) -> bool:
        if self.clock is None:
            return False
        here = datetime.fromtimestamp(now_s, self.clock)
        minute, day = here.hour * 60 + here.minute, here.weekday()
        if self.begin_min < self.end_min:
            return day in self.days and self.begin_min <= minute < self.end_min
        is_evening = day in self.days and minute >= self.begin_min
        return is_evening or ((day - 1) % 7 in self.days and minute < self.end_min)


def read(text: str, clock_of: ClockOf) -> Hours:
    """Days, hours and a place, of which each may be left out but not all. Raises FieldInvalid."""
    words = text.split()
    if not words or len(text) > LONGEST:
        raise _unfit()
    days, span, zone = EVERY_DAY, (0, DAY_MIN), UTC
    if _days(words[0]):
        days = _read_days(words.pop(0))
    if words and (found := _span(words[0])):
        span = _read_span(*map(int, found.groups()))
        words.pop(0)
    if words and _zone(words[0]):
        zone = words.pop(0)
    if words or (days == EVERY_DAY and span == (0, DAY_MIN)):
        raise _unfit()
    return Hours(days, *span, zone, clock_of(zone))


def _read_days(word: str) -> frozenset[int]:
    found = set[int]()
    for part in word.split(","):
        first, _, last = part.partition("-")
        if first not in DAYS or (last or first) not in DAYS:
            raise _unfit()
        begin, end = DAYS.index(first), DAYS.index(last or first)
        found |= {day % 7 for day in range(begin, end + 1 + 7 * (end < begin))}
    return frozenset(found)


def _read_span(*said: int) -> tuple[int, int]:
    hour, minute, end_hour, end_minute = said
    begin, end = hour * 60 + minute, end_hour * 60 + end_minute
    if minute > 59 or end_minute > 59 or begin >= DAY_MIN or not 0 < end <= DAY_MIN or begin == end:
        raise _unfit()
    return begin, end


def _shown(minutes: int) -> str:
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


def _unfit() -> FieldInvalid:
    return FieldInvalid(
        "Hours are days, a span and a place, such as `mon-fri 08:00-18:00 Europe/Berlin`; without a place, UTC.",
        param="hours",
    )

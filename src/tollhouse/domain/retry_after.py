"""How long somebody wishes to be left alone: `Retry-After`, in seconds or as a moment.

A moment is read in the three notations of HTTP, letter by letter. What is neither is no wish.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from math import ceil

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
MOST_DIGITS = 9

_TIME = r"(?P<hour>\d\d):(?P<minute>\d\d):(?P<second>\d\d)"
_DAY = r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)"
_NOTATIONS = (
    re.compile(
        rf"{_DAY}, (?P<day>\d\d) (?P<month>[A-Z][a-z]{{2}}) (?P<year>\d{{4}}) {_TIME} GMT", re.ASCII
    ),
    re.compile(
        rf"(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day, (?P<day>\d\d)-(?P<month>[A-Z][a-z]{{2}})-"
        rf"(?P<short_year>\d\d) {_TIME} GMT",
        re.ASCII,
    ),
    re.compile(
        rf"{_DAY} (?P<month>[A-Z][a-z]{{2}}) (?P<day>[ \d]\d) {_TIME} (?P<year>\d{{4}})", re.ASCII
    ),
)


def wished_s(given: bytes, now_s: float) -> int | None:
    """At least a second; None if nothing was wished that can be understood. `now_s` is since 1970."""
    text = given.decode("latin-1").strip(" \t")
    if text.isascii() and text.isdigit():
        return max(int(text[:MOST_DIGITS]), 1)
    moment_s = _moment_s(text, now_s)
    return None if moment_s is None else max(ceil(moment_s - now_s), 1)


def _moment_s(text: str, now_s: float) -> float | None:
    for notation in _NOTATIONS:
        if parts := notation.fullmatch(text):
            return _since_1970(parts.groupdict(), now_s)
    return None


def _since_1970(parts: dict[str, str], now_s: float) -> float | None:
    try:
        month = MONTHS.index(parts["month"]) + 1
        year = int(parts.get("year") or _whole(int(parts["short_year"]), now_s))
        hour, minute = int(parts["hour"]), int(parts["minute"])
        second = min(int(parts["second"]), 59)  # a leap second is no moment of its own
        return datetime(
            year, month, int(parts["day"]), hour, minute, second, tzinfo=UTC
        ).timestamp()
    except ValueError:
        return None


def _whole(short_year: int, now_s: float) -> int:
    """Two digits are of this century, unless that is more than fifty years ahead."""
    this_year = datetime.fromtimestamp(now_s, UTC).year
    year = this_year - this_year % 100 + short_year
    return year - 100 if year > this_year + 50 else year

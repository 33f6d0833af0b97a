"""Spans and moments as operators write them, and as they are shown."""

from __future__ import annotations

import re
from datetime import UTC, datetime, tzinfo

import typer

_SPAN = re.compile(r"([0-9]{1,6})([smhdw])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


def span_s(text: str) -> int:
    """Seconds of "90d", "24h", "30m", "45s" or "2w"."""
    match = _SPAN.fullmatch(text)
    if match is None:
        raise typer.BadParameter(f"{text!r} is no span of time such as 90d, 24h, 30m or 45s")
    return int(match[1]) * _SECONDS[match[2]]


def moment_ms(text: str, zone: tzinfo = UTC) -> int:
    """Milliseconds since the epoch of an ISO date or time; one that names no zone is in this one."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is no ISO date or time") from error
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=zone)
    return round(moment.timestamp() * 1000)


def since_ms(text: str, now_ms: int, zone: tzinfo = UTC) -> int:
    """A moment, or a span that reaches back from now."""
    if _SPAN.fullmatch(text):
        return now_ms - span_s(text) * 1000
    return moment_ms(text, zone)


def iso(ms: int | None) -> str | None:
    """In UTC, to the second."""
    if ms is None:
        return None
    return datetime.fromtimestamp(ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def shown(ms: int | None, otherwise: str = "never") -> str:
    return iso(ms) or otherwise


def age(ms: int) -> str:
    """The two largest units of a span."""
    rest = max(0, ms) // 1000
    parts: list[str] = []
    for unit in ("d", "h", "m", "s"):
        count, rest = divmod(rest, _SECONDS[unit])
        if count or (unit == "s" and not parts):
            parts.append(f"{count}{unit}")
    return " ".join(parts[:2])

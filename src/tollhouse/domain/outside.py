"""Usage that happened outside: told after the fact by whoever saw it. It is counted, and gates nothing."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict
from hashlib import sha256
from typing import Any

from tollhouse.domain.budget import Outcome
from tollhouse.domain.errors import FieldInvalid
from tollhouse.domain.pricing import CLASSES, KINDS, Kinds, Usage
from tollhouse.domain.values import value

ROUTE = "outside"
"""What stands in the place of a route, so that every list and every report tells such calls apart."""

MOST = 2**31 - 1
"""Tokens, or units, of one event."""

MOST_OWED = 10**18
LATEST_MS = 5 * 60 * 1000
"""How far the clock of a source may be ahead of ours."""

UNITS = ("images", "seconds", "characters")

_SOURCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_ID = re.compile(r"[A-Za-z0-9._:/@-]{1,256}")


@value
class Event:
    """One use of a model, by the id that its source knows it by."""

    id: str
    at_ms: int
    target: str
    usage: Usage
    user: str = ""
    project: str = ""
    key: str = ""
    owed: int | None = None
    """None where it is to be made from the price that was in force."""

    outcome: Outcome = Outcome.COMPLETED


def check_source(source: str) -> None:
    if not _SOURCE.fullmatch(source):
        raise FieldInvalid(
            "A source is named in up to 64 of A-Z, a-z, 0-9 and . _ -, as in `claude-code`.",
            param="source",
        )


def check(event: Event, now_ms: int) -> None:
    """Raises FieldInvalid, naming the member."""
    if not _ID.fullmatch(event.id):
        raise FieldInvalid(
            "The id of an event has up to 256 of A-Z, a-z, 0-9 and . _ : / @ -", param="id"
        )
    if not 0 <= event.at_ms <= now_ms + LATEST_MS:
        raise FieldInvalid("An event lies in the past.", param="at")
    if not event.user and not event.key:
        raise FieldInvalid("An event says whose it was: a user, or a key.", param="user")
    if event.owed is not None and not 0 <= event.owed <= MOST_OWED:
        raise FieldInvalid("What is owed is nothing or more.", param="owed")
    _check_usage(event.usage)


def kinds(told: Mapping[str, int]) -> Kinds | None:
    """Raises FieldInvalid for a kind that nobody knows."""
    for name in told:
        if name not in KINDS:
            raise FieldInvalid(f"Kinds of tokens are {', '.join(KINDS)}.", param="kinds")
    return Kinds(**told) if any(told.values()) else None


def content(event: Event) -> str:
    """The same for the same event, and for no other."""
    told: dict[str, Any] = {**asdict(event), "usage": asdict(event.usage)}
    return sha256(json.dumps(told, sort_keys=True, default=str).encode()).hexdigest()


def is_spent_on(provider: str, model: str, target: str) -> bool:
    """Whether a budget that is narrowed so counts it."""
    return target.partition(":")[0] == provider if provider else target == model


def _check_usage(usage: Usage) -> None:
    for name in (*CLASSES, *UNITS):
        if not 0 <= getattr(usage, name) <= MOST:
            raise FieldInvalid(f"`{name}` is a whole number from 0 to {MOST}.", param=name)
    if min(asdict(usage.kinds or Kinds()).values()) < 0 or min(usage.parts().values()) < 0:
        raise FieldInvalid(
            "Of a class there are no more tokens of a kind than tokens.", param="kinds"
        )

"""Events from outside as they are written: one JSON object each, in the words of `tollhouse usage list --json`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from tollhouse.domain import amounts, outside
from tollhouse.domain.errors import FieldInvalid
from tollhouse.domain.outside import Event
from tollhouse.domain.pricing import Usage

_MEMBER = re.compile(r"field `([^`]{1,100})`|at `\$\.([^`]{1,100})`")


class Told(msgspec.Struct, forbid_unknown_fields=True):
    id: str
    """By which its source knows it: told twice, it is counted once."""

    at: str
    """When it happened, such as 2026-01-31T12:00:00Z."""

    target: str
    """`provider:model`"""

    user: str = ""
    """Whose it was, as TENANT/NAME; left out, that of the key."""

    project: str = ""
    """Left out, the tenant's default one, or that of the key."""

    key: str = ""
    """The id of a key, if it came by one."""

    input: int = 0
    output: int = 0
    cache_read: int = 0
    cache_write: int = 0
    images: int = 0
    seconds: int = 0
    characters: int = 0
    kinds: dict[str, int] = {}
    """How many of these tokens were of a kind, as `reasoning`."""

    owed: str | None = None
    """Dollars, as text; left out, by the price that was in force."""


def event(told: Mapping[str, Any]) -> Event:
    """Raises FieldInvalid, naming the member."""
    try:
        return read(msgspec.convert(told, Told))
    except msgspec.ValidationError as error:
        match = _MEMBER.search(says := str(error))
        raise FieldInvalid(f"{says}.", param=match and (match[1] or match[2])) from None


def read(told: Told) -> Event:
    """Raises FieldInvalid, naming the member."""
    tokens = (told.input, told.output, told.cache_read, told.cache_write)
    return Event(
        id=told.id,
        at_ms=_moment_ms(told.at),
        target=told.target,
        usage=Usage(
            *(*tokens, told.images, told.seconds, told.characters),
            kinds=outside.kinds(told.kinds),
        ),
        user=told.user,
        project=told.project,
        key=told.key,
        owed=None if told.owed is None else amounts.nanos(told.owed, "owed"),
    )


def _moment_ms(text: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise FieldInvalid("`at` is a time such as 2026-01-31T12:00:00Z.", param="at")
    return round(moment.timestamp() * 1000)

"""Who changed what: the records of acts in this gateway's own audit log, the newest first."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tollhouse.domain.errors import FieldInvalid
from tollhouse.sinks import backwards

LARGEST_PAGE = 1000
MOST_LINES = 1_000_000
"""So far back one look goes, for each writer."""

_MARK = b'"kind":"act"'
_OF_THE_CHAIN = {"v", "kind", "prev", "hash"}


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which acts are meant. An empty field means all."""

    operation: str = ""
    actor: str = ""
    subject: str = ""


async def acts(
    directory: Path, wanted: Wanted, limit: int, before: str = ""
) -> list[dict[str, Any]]:
    """The next page goes on with the last one's `position` as `before`. Raises OSError."""
    if not 0 < limit <= LARGEST_PAGE:
        raise FieldInvalid(f"A page has 1 to {LARGEST_PAGE} acts.", param="limit")
    asked = {
        name: value
        for name in ("operation", "actor", "subject")
        if (value := getattr(wanted, name))
    }

    def is_wanted(record: dict[str, Any]) -> bool:
        if before and position(record) >= before:
            return False
        return all(record.get(name) == value for name, value in asked.items())

    found = await asyncio.to_thread(
        backwards.newest, directory, _MARK, is_wanted, limit, MOST_LINES
    )
    return [
        {name: value for name, value in each.items() if name not in _OF_THE_CHAIN} for each in found
    ]


position = backwards.position

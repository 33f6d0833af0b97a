"""How long a call has a row of its own. Its day keeps the sum, so reports and balances stay as they are."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from tollhouse.control import sweeping
from tollhouse.domain.errors import StoreUnavailable
from tollhouse.ports import Database
from tollhouse.storage import days

LOOK_S = 3600.0
PAUSE_S = 0.05
"""Between two pages: calls come first."""


@dataclass(frozen=True, slots=True)
class Folded:
    """How many calls that began before a moment are now in their days."""

    calls: int
    before_ms: int


async def fold(database: Database, keep_days: int, now_ms: int) -> Folded:
    """Page by page, each in a transaction of its own: it may end anywhere, and be done by several at once."""
    before_ms = (now_ms // days.DAY_MS - keep_days) * days.DAY_MS
    folded, after = 0, ""
    while (page := await days.next_page(database, after, before_ms)) is not None:
        folded += await days.fold(database, page, before_ms)
        after = page.upto
        await asyncio.sleep(PAUSE_S)
    return Folded(folded, before_ms)


async def keep_folding(
    database: Database, owner: str, keep_days: int, now_ms: Callable[[], int]
) -> None:
    """For ever, in one process of all that live."""
    while True:
        try:
            if await is_first(database, owner, now_ms()):
                await fold(database, keep_days, now_ms())
        except StoreUnavailable:
            pass
        await asyncio.sleep(LOOK_S)


async def is_first(database: Database, owner: str, now_ms: int) -> bool:
    """Whether nobody who lives began before: the ids of owners begin with the time."""
    living = await sweeping.living(database, now_ms)
    return all(owner <= each.id for each in living)

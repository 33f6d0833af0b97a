"""Tell of budgets that come to an end: beside the calls, at least once, with an id that stays the same."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from tollhouse.domain.errors import FieldInvalid, StoreUnavailable
from tollhouse.ports import Database
from tollhouse.storage import alerts
from tollhouse.storage.alerts import Alert

LOOK_S = 2.0
FIRST_PAUSE_MS = 30_000
LONGEST_PAUSE_MS = 3_600_000
MOST_PERCENT = 1000
MOST_PARTS = 10

Note = Callable[[Alert], None]
Tell = Callable[[Alert], Awaitable[bool]]


def percents(text: str) -> tuple[int, ...]:
    """Of `50,80,100`; raises FieldInvalid. Empty for `none`."""
    if text == "none":
        return ()
    parts = text.split(",")
    if len(parts) > MOST_PARTS or not all(
        part.isascii() and part.isdigit() and 0 < int(part) <= MOST_PERCENT for part in parts
    ):
        raise FieldInvalid(
            f"Alerts are up to {MOST_PARTS} whole percents such as 50,80,100, or none, not {text[:40]!r}.",
            param="alert_at",
        )
    return tuple(sorted({int(part) for part in parts}))


async def last(database: Database, limit: int) -> list[Alert]:
    """Those that were reached last."""
    return await alerts.last(database, limit)


async def tell_all(
    database: Database, note: Note, tell: Tell, now_ms: Callable[[], int]
) -> list[Alert]:
    """Each that is due and nobody else tells. It is noted at its first try, and tried until it is taken."""
    mine = []
    for alert in await alerts.due(database, now_ms()):
        pause_ms = min(FIRST_PAUSE_MS << min(alert.tries, 10), LONGEST_PAUSE_MS)
        if not await alerts.claim(database, alert, now_ms() + pause_ms, now_ms()):
            continue
        mine.append(alert)
        if alert.tries == 0:
            note(alert)
        if await tell(alert):
            await alerts.told(database, alert)
    return mine


async def keep_telling(
    database: Database, note: Note, tell: Tell, now_ms: Callable[[], int]
) -> None:
    while True:
        await asyncio.sleep(LOOK_S)
        try:
            await tell_all(database, note, tell, now_ms)
        except StoreUnavailable:
            continue

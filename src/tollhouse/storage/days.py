"""Old calls, folded into their days: the sums stay, the rows go, in one transaction."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from tollhouse.ports import Database, Statement
from tollhouse.storage.corrections import TURN

DAY_MS = 86_400_000
PAGE = 500

_EPOCH = date(1970, 1, 1).toordinal()

_OLDEST = "SELECT id, created_at FROM calls WHERE id > $1 ORDER BY id LIMIT $2"
_EXTENT = "SELECT MIN(day), MAX(day) FROM days"

# What is settled stays as it is. What is still open is left where it is, however old.
_CHOOSE = """
INSERT INTO folding (call)
SELECT id FROM calls WHERE id > $1 AND id <= $2 AND state = 'settled' AND created_at < $3
"""
_FOLD = """
INSERT INTO days (day, tenant, project, user_id, key_id,
    tenant_account, project_account, user_account, key_account,
    route, model, target, price, outcome, source, anomaly,
    calls, owed, input, output, cache_read, cache_write, images, seconds, characters)
SELECT created_at / 86400000, MIN(tenant), MIN(project), MIN(user_id), MIN(key_id),
    tenant_account, project_account, user_account, key_account,
    route, model, COALESCE(target, ''), COALESCE(price, 0), outcome, COALESCE(source, ''), COALESCE(anomaly, ''),
    COUNT(*), SUM(owed), COALESCE(SUM(input), 0), COALESCE(SUM(output), 0),
    COALESCE(SUM(cache_read), 0), COALESCE(SUM(cache_write), 0),
    COALESCE(SUM(images), 0), COALESCE(SUM(seconds), 0), COALESCE(SUM(characters), 0)
FROM calls WHERE id IN (SELECT call FROM folding)
GROUP BY 1, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16
ON CONFLICT (day, key_account, user_account, project_account, tenant_account, route, model, target, price, outcome,
    source, anomaly)
DO UPDATE SET calls = days.calls + excluded.calls, owed = days.owed + excluded.owed,
    input = days.input + excluded.input, output = days.output + excluded.output,
    cache_read = days.cache_read + excluded.cache_read, cache_write = days.cache_write + excluded.cache_write,
    images = days.images + excluded.images, seconds = days.seconds + excluded.seconds,
    characters = days.characters + excluded.characters
"""
_DROP_ATTEMPTS = "DELETE FROM attempts WHERE call IN (SELECT call FROM folding)"
_FOLD_SHARES = """
INSERT INTO shares (call, account, target, owed)
SELECT '', account, '', SUM(owed) FROM shares WHERE call IN (SELECT call FROM folding) GROUP BY account
ON CONFLICT (call, account) DO UPDATE SET owed = shares.owed + excluded.owed
"""
_DROP_SHARES = "DELETE FROM shares WHERE call IN (SELECT call FROM folding)"
_DROP_CALLS = "DELETE FROM calls WHERE id IN (SELECT call FROM folding)"
_DONE = "DELETE FROM folding"


@dataclass(frozen=True, slots=True)
class Page:
    """The rows after one call and up to another, of which at least one is old."""

    after: str
    upto: str


@dataclass(frozen=True, slots=True)
class Extent:
    """From the first moment of the first day that has folded calls, to the end of the last."""

    from_ms: int
    until_ms: int


async def next_page(database: Database, after: str, before_ms: int) -> Page | None:
    """The oldest rows lie first: none is old behind a page without one."""
    rows = await database.read(_OLDEST, after, PAGE)
    old = [call for call, created_at in rows if created_at < before_ms]
    return Page(after, rows[-1][0]) if old else None


async def fold(database: Database, page: Page, before_ms: int) -> int:
    """How many settled calls that began before a moment went into their days."""
    *_, dropped, _ = await database.write(*_folding(page, before_ms))
    return dropped


def _folding(page: Page, before_ms: int) -> list[Statement]:
    """The same calls in each statement, whatever settles meanwhile; two that fold at once wait for each other."""
    chosen = (page.after, page.upto, before_ms)
    rest = (_FOLD, _DROP_ATTEMPTS, _FOLD_SHARES, _DROP_SHARES, _DROP_CALLS, _DONE)
    return [TURN, (_CHOOSE, chosen), *((statement, ()) for statement in rest)]


async def extent(database: Database) -> Extent | None:
    ((first, last),) = await database.read(_EXTENT)
    return None if first is None else Extent(first * DAY_MS, (last + 1) * DAY_MS)


def iso(day: int) -> str:
    return date.fromordinal(_EPOCH + day).isoformat()

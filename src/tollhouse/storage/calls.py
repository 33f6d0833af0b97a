"""The rows of the ledger as they are read: calls that are held, unknown or settled."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from tollhouse.domain.pricing import KINDS, Kinds, Usage
from tollhouse.domain.reports import EVER_MS
from tollhouse.ports import Database, Row, Value

_kinds = msgspec.json.Decoder(Kinds).decode


@dataclass(frozen=True, slots=True)
class Filter:
    """Which calls are meant. An empty field means all; times are milliseconds since the epoch."""

    tenant: str = ""
    key: str = ""
    model: str = ""
    state: str = ""
    since_ms: int = 0
    user: str = ""
    until_ms: int = EVER_MS


@dataclass(frozen=True, slots=True)
class Call:
    """One call: what was held for it and, once settled, what is owed."""

    id: str
    request_id: str
    owner: str
    tenant: str
    project: str
    user: str
    key: str
    route: str
    model: str
    state: str
    held: int
    created_at_ms: int
    settled_at_ms: int | None
    outcome: str | None
    owed: int | None
    input: int | None
    output: int | None
    cache_read: int | None
    cache_write: int | None
    source: str | None
    target: str | None
    price: int | None
    anomaly: str | None
    images: int | None
    seconds: int | None
    characters: int | None
    kinds: str | None
    """How many of its tokens were of a kind, as JSON."""

    is_exempt: bool
    """Whether it counts on no account."""

    @property
    def told_kinds(self) -> dict[str, int]:
        """Those that there were."""
        kinds = self.usage.kinds or Kinds()
        return {name: count for name in KINDS if (count := getattr(kinds, name))}

    @property
    def usage(self) -> Usage:
        """As it was settled."""
        return Usage(
            *(self.input or 0, self.output or 0, self.cache_read or 0, self.cache_write or 0),
            *(self.images or 0, self.seconds or 0, self.characters or 0),
            kinds=_kinds(self.kinds) if self.kinds else None,
        )


_COLUMNS = """
SELECT id, request_id, owner, tenant, project, user_id, key_id, route, model, state, held, created_at,
    settled_at, outcome, owed, input, output, cache_read, cache_write, source, target, price, anomaly,
    images, seconds, characters, kinds, key_account < 0
FROM calls
"""
_WANTED = """
WHERE $1 IN ('', tenant) AND $2 IN ('', key_id) AND $3 IN ('', model) AND $4 IN ('', state)
    AND created_at >= $5 AND $6 IN ('', user_id) AND created_at < $7
"""
_PAGE = _COLUMNS + _WANTED + "AND ($8 = '' OR id < $9) ORDER BY id DESC LIMIT $10 OFFSET $11"
_HOW_MANY = "SELECT COUNT(*) FROM calls"
_COUNT = _HOW_MANY + _WANTED
_ONE = _COLUMNS + "WHERE id = $1"
_OPEN = _COLUMNS + "WHERE state <> 'settled' ORDER BY id"

# What died under an Idempotency-Key may still be made again in its place: until then it is not charged.
_NOT_MADE_AGAIN = """
WHERE state = 'unknown' AND created_at <= $1 AND (anomaly IS NULL OR anomaly <> 'owner_lost' OR NOT EXISTS (
    SELECT 1 FROM repeats WHERE repeats.call = calls.id AND repeats.answer IS NULL AND repeats.expires_at > $2
)) ORDER BY id LIMIT $3
"""
_UNKNOWN_SINCE = _COLUMNS + _NOT_MADE_AGAIN
_LOSE = """
UPDATE calls SET state = 'unknown', outcome = 'unknown', anomaly = 'owner_lost'
WHERE state = 'held' AND NOT EXISTS (
    SELECT 1 FROM owners WHERE owners.id = calls.owner AND owners.lease_until > $1
) AND NOT EXISTS (
    SELECT 1 FROM batches WHERE batches.call = calls.id AND batches.settled_at IS NULL
)
"""


async def page(
    database: Database, wanted: Filter, limit: int, before: str = "", skip: int = 0
) -> list[Call]:
    """The newest calls first; go on with the last id as `before`."""
    rows = await database.read(_PAGE, *_values(wanted), before, before, limit, skip)
    return [_call(row) for row in rows]


async def count(database: Database, wanted: Filter) -> int:
    ((found,),) = await database.read(_COUNT, *_values(wanted))
    return int(found)


async def call(database: Database, call_id: str) -> Call | None:
    rows = await database.read(_ONE, call_id)
    return _call(rows[0]) if rows else None


async def open_calls(database: Database) -> list[Call]:
    """Money that is held or whose end is unknown; the oldest first."""
    return [_call(row) for row in await database.read(_OPEN)]


async def count_open(database: Database) -> int:
    """How many holds stand, whatever became of their calls."""
    ((count,),) = await database.read("SELECT count(*) FROM calls WHERE state <> 'settled'")
    return int(count)


async def unknown_since(database: Database, before_ms: int, limit: int, now_ms: int) -> list[Call]:
    """Unknown calls that began before a moment; the oldest first."""
    return [_call(row) for row in await database.read(_UNKNOWN_SINCE, before_ms, now_ms, limit)]


async def lose(database: Database, now_ms: int) -> int:
    """Mark as unknown what is held by an owner that is gone or whose lease is past; how many.

    What is held for a batch belongs to the batch for as long as that is open.
    """
    (lost,) = await database.write((_LOSE, (now_ms,)))
    return lost


def _call(row: Row) -> Call:
    values = (*row[:-1], bool(row[-1]))
    return Call(*values)


def _values(wanted: Filter) -> tuple[Value, ...]:
    named = (wanted.tenant, wanted.key, wanted.model, wanted.state)
    return (*named, wanted.since_ms, wanted.user, wanted.until_ms)

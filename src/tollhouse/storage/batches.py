"""The rows of batches. Whose one is stands in every question of a caller: another's is not there."""

from __future__ import annotations

from dataclasses import replace

import msgspec

from tollhouse.domain.batches import Batch
from tollhouse.domain.pricing import Price
from tollhouse.ports import Database, Row

_COLUMNS = (
    "id, project, provider, known_as, call, file, model, target, held, price, told, "
    "created_at, looked_at, settled_at"
)
_ADD = f"""
INSERT INTO batches ({_COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
"""  # noqa: S608 - names of columns
_ONE = f"SELECT {_COLUMNS} FROM batches WHERE id = $1 AND project = $2"  # noqa: S608
_PAGE = f"""
SELECT {_COLUMNS} FROM batches WHERE project = $1 AND ($2 = '' OR id < $3) ORDER BY id DESC LIMIT $4
"""  # noqa: S608
_OLDEST = _PAGE.replace("id < $3", "id > $3").replace("DESC", "ASC")
_DUE = f"""
SELECT {_COLUMNS} FROM batches WHERE settled_at IS NULL AND looked_at <= $1 ORDER BY looked_at LIMIT $2
"""  # noqa: S608
_CLAIM = "UPDATE batches SET looked_at = $1 WHERE id = $2 AND looked_at = $3 AND settled_at IS NULL"
_TELL = "UPDATE batches SET told = $1 WHERE id = $2 AND settled_at IS NULL"
_SETTLE = "UPDATE batches SET told = $1, settled_at = $2 WHERE id = $3 AND settled_at IS NULL"

_read_price = msgspec.json.Decoder(Price).decode


async def add(database: Database, batch: Batch) -> None:
    price = None if batch.price is None else msgspec.json.encode(batch.price).decode()
    whose = (batch.id, batch.project, batch.provider, batch.known_as, batch.call, batch.file)
    what = (batch.model, batch.target, batch.held, price, batch.told)
    times = (batch.created_at_ms, batch.looked_at_ms, batch.settled_at_ms)
    await database.write((_ADD, (*whose, *what, *times)))


async def find(database: Database, project: str, batch_id: str) -> Batch | None:
    rows = await database.read(_ONE, batch_id, project)
    return _batch(rows[0]) if rows else None


async def page(
    database: Database, project: str, *, after: str, limit: int, newest_first: bool
) -> list[Batch]:
    """It goes on after the batch of that id, or from the beginning."""
    sql = _PAGE if newest_first else _OLDEST
    return [_batch(row) for row in await database.read(sql, project, after, after, limit)]


async def due(database: Database, before_ms: int, limit: int) -> list[Batch]:
    """Whoever's they are: what is still held for and was not looked at since."""
    return [_batch(row) for row in await database.read(_DUE, before_ms, limit)]


async def claim(database: Database, batch: Batch, now_ms: int) -> bool:
    """False when somebody else looks at it already, or it is over."""
    (claimed,) = await database.write((_CLAIM, (now_ms, batch.id, batch.looked_at_ms)))
    return claimed == 1


async def tell(database: Database, batch_id: str, told: str) -> None:
    """As it was seen. What is settled is not told anew."""
    await database.write((_TELL, (told, batch_id)))


async def settle(database: Database, batch_id: str, told: str, now_ms: int) -> bool:
    """Its end, once."""
    (settled,) = await database.write((_SETTLE, (told, now_ms, batch_id)))
    return settled == 1


def _batch(row: Row) -> Batch:
    batch = Batch(*row)
    return replace(batch, price=None if row[9] is None else _read_price(row[9]))

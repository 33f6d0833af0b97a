"""Dated prices. A row is written once and never changed: usage points at it by id."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields

import msgspec

from tollhouse.domain.pricing import Price, Tier
from tollhouse.ports import Database, Row, Statement, Value


@dataclass(frozen=True, slots=True)
class NewPrice:
    """Rates in pico-dollars per token or per unit, for whom and from when to when they hold."""

    model: str
    input: int
    output: int
    cache_read: int
    cache_write: int
    effective_at_ms: int
    source: str
    per_call: int = 0
    per_image: int = 0
    per_second: int = 0
    per_character: int = 0
    kinds: tuple[tuple[str, int], ...] = ()
    tiers: tuple[Tier, ...] = ()
    tenant: str = ""
    """Whose own it is; empty for everybody's."""

    effective_to_ms: int | None = None
    """From then on it does not hold any more."""

    set_by: str = ""

    def price(self, price_id: int) -> Price:
        return Price(
            *(price_id, self.model, self.input, self.output, self.cache_read, self.cache_write),
            *(self.per_call, self.per_image, self.per_second, self.per_character),
            *(self.kinds, self.tiers),
        )

    def holds_at(self, moment_ms: int) -> bool:
        """From its beginning, its end not counted in."""
        until_ms = self.effective_to_ms
        return self.effective_at_ms <= moment_ms and (until_ms is None or moment_ms < until_ms)


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceRow(NewPrice):
    """A price as it is stored."""

    id: int
    created_at_ms: int


_MEMBERS = ("id", *(member.name for member in fields(NewPrice)), "created_at_ms")

_INSERT = """
INSERT INTO prices (model, input, output, cache_read, cache_write, effective_at, source, created_at,
    per_call, per_image, per_second, per_character, kinds, tiers, tenant, effective_to, set_by)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)
"""
_INSERT_IF_NEW = _INSERT + " ON CONFLICT (tenant, model, effective_at) DO NOTHING"
_INSERT_IF = """
INSERT INTO prices (model, input, output, cache_read, cache_write, effective_at, source, created_at,
    per_call, per_image, per_second, per_character, kinds, tiers, tenant, effective_to, set_by)
SELECT CAST($1 AS TEXT), CAST($2 AS BIGINT), CAST($3 AS BIGINT), CAST($4 AS BIGINT), CAST($5 AS BIGINT),
    CAST($6 AS BIGINT), CAST($7 AS TEXT), CAST($8 AS BIGINT), CAST($9 AS BIGINT), CAST($10 AS BIGINT),
    CAST($11 AS BIGINT), CAST($12 AS BIGINT), CAST($13 AS TEXT), CAST($14 AS TEXT), CAST($15 AS TEXT),
    CAST($16 AS BIGINT), CAST($17 AS TEXT)
WHERE EXISTS ({condition})
"""
_SELECT = """
SELECT id, model, input, output, cache_read, cache_write, effective_at, source,
    per_call, per_image, per_second, per_character, kinds, tiers, tenant, effective_to, set_by, created_at
FROM prices
"""
_LIST = _SELECT + " WHERE $1 IN ('', model) ORDER BY model, tenant, effective_at DESC"


async def add(database: Database, price: NewPrice, now_ms: int) -> None:
    """Raises Conflict when the model has a price from that very moment."""
    await database.write(adding(price, now_ms))


def adding(price: NewPrice, now_ms: int) -> Statement:
    return _INSERT, _values(price, now_ms)


def adding_if(condition: str, values: tuple[Value, ...], price: NewPrice, now_ms: int) -> Statement:
    """Only where the condition finds a row. Its values are those from $18 on."""
    return _INSERT_IF.format(condition=condition), (*_values(price, now_ms), *values)


async def add_missing(
    database: Database, prices: Iterable[NewPrice], now_ms: int
) -> list[NewPrice]:
    """Add those whose model and moment are not there yet; the ones that were added."""
    wanted = list(prices)
    statements: list[Statement] = [(_INSERT_IF_NEW, _values(price, now_ms)) for price in wanted]
    counts = await database.write(*statements)
    return [price for price, count in zip(wanted, counts, strict=True) if count]


async def rows(database: Database, model: str = "") -> list[PriceRow]:
    """All prices of a model, or of all, each tenant's after everybody's; the newest of each first."""
    return [_row(row) for row in await database.read(_LIST, model)]


def _row(row: Row) -> PriceRow:
    values = dict(zip(_MEMBERS, row, strict=True))
    values["kinds"], values["tiers"] = _read_kinds(values["kinds"]), _read_tiers(values["tiers"])
    return PriceRow(**values)


def _values(price: NewPrice, now_ms: int) -> tuple[Value, ...]:
    rates = (price.input, price.output, price.cache_read, price.cache_write)
    units = (price.per_call, price.per_image, price.per_second, price.per_character)
    finer = (msgspec.json.encode(price.kinds).decode(), msgspec.json.encode(price.tiers).decode())
    whose = (price.tenant, price.effective_to_ms, price.set_by)
    return (
        *(price.model, *rates, price.effective_at_ms, price.source, now_ms),
        *(*units, *finer, *whose),
    )


_read_kinds = msgspec.json.Decoder(tuple[tuple[str, int], ...]).decode
_read_tiers = msgspec.json.Decoder(tuple[Tier, ...]).decode

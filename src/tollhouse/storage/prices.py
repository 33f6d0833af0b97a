"""Dated prices. A row is written once and never changed: usage points at it by id."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from tollhouse.ports import Database, Statement


@dataclass(frozen=True, slots=True)
class NewPrice:
    """Rates in pico-dollars per token or per unit, and from when they hold."""

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


@dataclass(frozen=True, slots=True)
class PriceRow:
    """A price as it is stored."""

    id: int
    model: str
    input: int
    output: int
    cache_read: int
    cache_write: int
    effective_at_ms: int
    source: str
    created_at_ms: int
    per_call: int = 0
    per_image: int = 0
    per_second: int = 0
    per_character: int = 0


_ADD = """
INSERT INTO prices (model, input, output, cache_read, cache_write, effective_at, source, created_at,
    per_call, per_image, per_second, per_character)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
"""
_ADD_IF_NEW = """
INSERT INTO prices (model, input, output, cache_read, cache_write, effective_at, source, created_at,
    per_call, per_image, per_second, per_character)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) ON CONFLICT (model, effective_at) DO NOTHING
"""
_LIST = """
SELECT id, model, input, output, cache_read, cache_write, effective_at, source, created_at,
    per_call, per_image, per_second, per_character
FROM prices WHERE $1 IN ('', model) ORDER BY model, effective_at DESC
"""


async def add(database: Database, price: NewPrice, now_ms: int) -> None:
    """Raises Conflict when the model has a price from that very moment."""
    await database.write((_ADD, _values(price, now_ms)))


async def add_missing(
    database: Database, prices: Iterable[NewPrice], now_ms: int
) -> list[NewPrice]:
    """Add those whose model and moment are not there yet; the ones that were added."""
    wanted = list(prices)
    statements: list[Statement] = [(_ADD_IF_NEW, _values(price, now_ms)) for price in wanted]
    counts = await database.write(*statements)
    return [price for price, count in zip(wanted, counts, strict=True) if count]


async def rows(database: Database, model: str = "") -> list[PriceRow]:
    """All prices of a model, or of all; the newest of each first."""
    return [PriceRow(*row) for row in await database.read(_LIST, model)]


def _values(price: NewPrice, now_ms: int) -> tuple[str | int, ...]:
    rates = (price.input, price.output, price.cache_read, price.cache_write)
    units = (price.per_call, price.per_image, price.per_second, price.per_character)
    return (price.model, *rates, price.effective_at_ms, price.source, now_ms, *units)

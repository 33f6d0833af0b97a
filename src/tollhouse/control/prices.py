"""Prices: set, listed, seeded. Always a new row, so that a settled call keeps the one it was billed at."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from tollhouse.domain import pricebook
from tollhouse.domain.errors import FieldInvalid
from tollhouse.domain.pricebook import Listing
from tollhouse.domain.storing import Conflict
from tollhouse.ports import Database
from tollhouse.storage import prices
from tollhouse.storage.prices import NewPrice, PriceRow

OPERATOR = "operator"


@dataclass(frozen=True, slots=True)
class Rates:
    """Dollars per million tokens, as text. A cache rate that is absent is the input rate."""

    input: str
    output: str
    cache_read: str | None = None
    cache_write: str | None = None
    per_call: str | None = None
    """Dollars a unit, as text; absent is nothing."""

    per_image: str | None = None
    per_second: str | None = None
    per_character: str | None = None


FREE = Rates("0", "0")


@dataclass(frozen=True, slots=True)
class Seeded:
    """What a seed added, and which targets it left alone because an operator had priced them."""

    added: tuple[NewPrice, ...]
    kept: tuple[str, ...]


async def set_price(
    database: Database, target: str, rates: Rates, effective_at_ms: int | None, now_ms: int
) -> NewPrice:
    """A new row that holds from a moment on: from now, unless another is given."""
    if not pricebook.TARGET.fullmatch(target):
        raise FieldInvalid(
            f"A price belongs to provider:model or kind:model, not {target[:80]!r}.", param="target"
        )
    price = NewPrice(target, *_picos(rates), effective_at_ms or now_ms, OPERATOR, *_units(rates))
    try:
        await prices.add(database, price, now_ms)
    except Conflict as error:
        raise Conflict(
            f"{target} has a price from that very moment, and prices are never changed: "
            "choose another moment"
        ) from error
    return price


async def history(database: Database, target: str = "") -> list[PriceRow]:
    """Every price a target ever had, or all targets; the newest first."""
    return await prices.rows(database, target)


async def in_force(database: Database, now_ms: int) -> list[PriceRow]:
    """One row for each target: the price that holds at a moment."""
    current: dict[str, PriceRow] = {}
    for row in await prices.rows(database):
        if row.effective_at_ms <= now_ms:
            current.setdefault(row.model, row)
    return list(current.values())


async def seed(database: Database, listings: Iterable[Listing], now_ms: int) -> Seeded:
    """Add the rows of a price book that are not there yet. A target that an operator priced is left alone."""
    priced = {row.model for row in await prices.rows(database) if row.source == OPERATOR}
    wanted = [_new(listing) for listing in listings]
    missing = [price for price in wanted if price.model not in priced]
    added = await prices.add_missing(database, missing, now_ms)
    kept = tuple(sorted({price.model for price in wanted} & priced))
    return Seeded(tuple(added), kept)


def _picos(rates: Rates) -> tuple[int, int, int, int]:
    fresh = pricebook.rate(rates.input, "input")
    cached = [
        fresh if amount is None else pricebook.rate(amount, name)
        for name, amount in (("cache_read", rates.cache_read), ("cache_write", rates.cache_write))
    ]
    return fresh, pricebook.rate(rates.output, "output"), cached[0], cached[1]


def _units(rates: Rates) -> tuple[int, ...]:
    return tuple(pricebook.unit_rate(getattr(rates, name) or "0", name) for name in pricebook.UNITS)


def _new(listing: Listing) -> NewPrice:
    bound = f" (prompts up to {listing.input_up_to} tokens)" if listing.input_up_to else ""
    rates = (listing.input, listing.output, listing.cache_read, listing.cache_write)
    moment_ms = round(listing.effective_at * 1000)
    units = tuple(getattr(listing, name) for name in pricebook.UNITS)
    return NewPrice(listing.target, *rates, moment_ms, listing.source + bound, *units)

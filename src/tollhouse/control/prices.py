"""Prices: set, listed, seeded. Always a new row, so that a settled call keeps the one it was billed at."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from tollhouse.domain import pricebook
from tollhouse.domain.errors import FieldInvalid
from tollhouse.domain.pricebook import Listing
from tollhouse.domain.pricing import CLASSES
from tollhouse.domain.storing import Conflict
from tollhouse.ports import Database
from tollhouse.storage import prices, tenancy
from tollhouse.storage.prices import NewPrice, PriceRow
from tollhouse.storage.tenancy import Kind

OPERATOR = "operator"
"""Who set a price by hand, and the source that it has then."""

BOOK = "price book"


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
    kinds: Mapping[str, str] = field(default_factory=dict)
    """By name, of tokens of a kind: `audio_input` and the like. Absent, they are billed as their class."""

    tiers: Sequence[Mapping[str, object]] = ()
    """What holds for the whole of a longer prompt: `above`, and the rates that change."""


FREE = Rates("0", "0")


@dataclass(frozen=True, slots=True)
class Whose:
    """For whom a price holds, until when, and who says so."""

    tenant: str = ""
    """Empty for everybody."""

    until_ms: int | None = None
    by: str = OPERATOR


EVERYBODYS = Whose()


@dataclass(frozen=True, slots=True)
class Seeded:
    """What a seed added, and which targets it left alone because they have a price."""

    added: tuple[NewPrice, ...]
    kept: tuple[str, ...]


async def set_price(
    database: Database,
    target: str,
    rates: Rates,
    effective_at_ms: int | None,
    now_ms: int,
    whose: Whose = EVERYBODYS,
) -> NewPrice:
    """A new row that holds from a moment on: from now, unless another is given."""
    if not pricebook.TARGET.fullmatch(target):
        raise FieldInvalid(
            f"A price belongs to provider:model or kind:model, not {target[:80]!r}.", param="target"
        )
    since_ms = now_ms if effective_at_ms is None else effective_at_ms
    _check_span(since_ms, whose.until_ms)
    if whose.tenant and not await tenancy.members(database, Kind.TENANT, whose.tenant):
        raise Conflict(f"there is no tenant {whose.tenant!r}")
    price = NewPrice(
        target,
        **_picos(rates),
        effective_at_ms=since_ms,
        source=OPERATOR,
        **_units(rates),
        kinds=pricebook.kinds(rates.kinds),
        tiers=pricebook.tiers(list(rates.tiers)),
        tenant=whose.tenant,
        effective_to_ms=whose.until_ms,
        set_by=whose.by,
    )
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


ByTarget = Mapping[str, Sequence[PriceRow]]
"""Of each target, the newest first."""


def by_target(rows: Iterable[PriceRow]) -> ByTarget:
    found: dict[str, list[PriceRow]] = {}
    for row in rows:
        found.setdefault(row.model, []).append(row)
    return found


def found(known: ByTarget, names: Sequence[str], tenant: str, at_ms: int) -> PriceRow | None:
    """What held for a tenant at a moment: its own price before everybody's, the first name before the next."""
    for whose in dict.fromkeys((tenant, "")):
        for name in names:
            for row in known.get(name, ()):
                if row.tenant == whose and row.holds_at(at_ms):
                    return row
    return None


async def in_force(database: Database, now_ms: int) -> list[PriceRow]:
    """One row for each target, and one more for each tenant that has its own: what holds at a moment."""
    current: dict[tuple[str, str], PriceRow] = {}
    for row in await prices.rows(database):
        if row.holds_at(now_ms):
            current.setdefault((row.model, row.tenant), row)
    return list(current.values())


async def seed(database: Database, listings: Iterable[Listing], now_ms: int) -> Seeded:
    """Add what a price book has of targets without a price: a change of others is to be approved first."""
    priced = {row.model for row in await prices.rows(database) if not row.tenant}
    wanted = [new_price(listing, BOOK) for listing in listings]
    missing = [price for price in wanted if price.model not in priced]
    added = await prices.add_missing(database, missing, now_ms)
    kept = tuple(sorted({price.model for price in wanted} & priced))
    return Seeded(tuple(added), kept)


def new_price(listing: Listing, by: str) -> NewPrice:
    return NewPrice(
        listing.target,
        *(listing.input, listing.output, listing.cache_read, listing.cache_write),
        effective_at_ms=round(listing.effective_at * 1000),
        source=listing.source,
        **{name: getattr(listing, name) for name in pricebook.UNITS},
        kinds=listing.kinds,
        tiers=listing.tiers,
        set_by=by,
    )


def _check_span(since_ms: int, until_ms: int | None) -> None:
    if until_ms is not None and until_ms <= since_ms:
        raise FieldInvalid("A price ends after it begins.", param="effective_to")


def _picos(rates: Rates) -> dict[str, int]:
    given = {name: getattr(rates, name) for name in CLASSES}
    return {
        name: pricebook.rate(rates.input if amount is None else amount, name)
        for name, amount in given.items()
    }


def _units(rates: Rates) -> dict[str, int]:
    return {
        name: pricebook.unit_rate(getattr(rates, name) or "0", name) for name in pricebook.UNITS
    }

"""`/pricing`: dollars for a million tokens by `provider:model`, from a moment on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import msgspec

from tollhouse.admin.asking import Answer, Asking
from tollhouse.admin.otari.desk import (
    PAGES,
    Told,
    decimal,
    moment_ms,
    page,
    refuse,
    told_moment,
)
from tollhouse.admin.resource import Resource
from tollhouse.control import prices
from tollhouse.control.prices import FREE, Rates, Whose
from tollhouse.domain.errors import ConflictingState, NotThere
from tollhouse.domain.pricebook import PICOS_PER_DOLLAR_PER_MILLION
from tollhouse.domain.pricing import Tier
from tollhouse.ports import Books
from tollhouse.storage.prices import NewPrice, PriceRow

MILLION = 1_000_000
LONG_WRITE = "long_write"
TIER_RATES = {
    "input_price_per_million": "input",
    "output_price_per_million": "output",
    "cache_read_price_per_million": "cache_read",
    "cache_write_price_per_million": "cache_write",
    "cache_write_1h_price_per_million": LONG_WRITE,
}
UNITS = {"requests": "per_call", "images": "per_image"}


class OtherRates(msgspec.Struct, forbid_unknown_fields=True):
    min_input_tokens: int
    input_price_per_million: float | None = None
    output_price_per_million: float | None = None
    cache_read_price_per_million: float | None = None
    cache_write_price_per_million: float | None = None
    cache_write_1h_price_per_million: float | None = None


class Pricing(msgspec.Struct, forbid_unknown_fields=True):
    model_key: str
    input_price_per_million: float
    output_price_per_million: float
    cache_read_price_per_million: float | None = None
    cache_write_price_per_million: float | None = None
    cache_write_1h_price_per_million: float | None = None
    effective_at: str | None = None
    pricing_tiers: list[OtherRates] | None = None
    unit: str | None = "tokens"


def rows() -> Iterator[Resource]:
    yield Resource(
        name="otari_pricing_list",
        method="GET",
        path="/pricing",
        serve=_listed,
        summary="The prices in force.",
        operations=("prices.list",),
        query=PAGES,
    )
    yield Resource(
        name="otari_pricing_set",
        method="POST",
        path="/pricing",
        serve=_set,
        summary="A price is set, from now or from a moment on.",
        operations=("prices.set",),
        body=Pricing,
    )
    yield Resource(
        name="otari_pricing_show",
        method="GET",
        path="/pricing/",
        serve=_show,
        summary="The price of a model that is in force, or was at a moment.",
        operations=("prices.show",),
        query=("as_of",),
    )
    yield Resource(
        name="otari_pricing_delete",
        method="DELETE",
        path="/pricing/",
        serve=_delete,
        summary="Refused: calls name the price that they were settled at.",
        operations=("prices.set",),
        query=("effective_at",),
    )
    yield Resource(
        name="otari_pricing_history",
        method="GET",
        path="/pricing/{id}/history",
        serve=_history,
        summary="Every price that a model ever had.",
        operations=("prices.show",),
    )


async def _listed(asking: Asking) -> Answer:
    await asking.judge("prices.list", "house")
    found = await prices.in_force(asking.store, asking.now_ms)
    everybodys = [row for row in found if not row.tenant]
    return Answer([_told(row) for row in page(asking, everybodys)])


async def _show(asking: Asking) -> Answer:
    asked = asking.query.get("as_of")
    moment = asking.now_ms if asked is None else moment_ms(asked, "as_of")
    for row in await _rows(asking):
        if row.holds_at(moment):
            return Answer(_told(row))
    raise NotThere(f"Pricing for model '{asking.id[:80]}' not found")


async def _history(asking: Asking) -> Answer:
    return Answer([_told(row) for row in await _rows(asking)])


async def _set(asking: Asking) -> Answer:
    wish = asking.read(Pricing)
    moment = moment_ms(wish.effective_at, "effective_at") if wish.effective_at else None
    rates, whose = _rates(wish), Whose(by=asking.actor.name)

    async def work(store: Books) -> NewPrice:
        return await prices.set_price(store, wish.model_key, rates, moment, asking.now_ms, whose)

    made = await asking.change("prices.set", {"target": wish.model_key}, work)
    return Answer(_told(made, asking.now_ms))


async def _delete(asking: Asking) -> Answer:
    await asking.judge("prices.show", "house")

    async def work(_store: Books) -> None:
        raise ConflictingState(
            "Prices are never deleted: calls name the one that they were settled at. Set another, 0 for what "
            "is free.",
        )

    await asking.change("prices.set", {"target": asking.id}, work)
    return Answer(None, status=204)


async def _rows(asking: Asking) -> list[PriceRow]:
    await asking.judge("prices.show", "house")
    found = await prices.history(asking.store, asking.id) if asking.id else []
    everybodys = [row for row in found if not row.tenant]
    if not everybodys:
        raise NotThere(f"Pricing for model '{asking.id[:80]}' not found")
    return everybodys


def _rates(wish: Pricing) -> Rates:
    read, write = wish.cache_read_price_per_million, wish.cache_write_price_per_million
    if wish.unit in UNITS:
        each = decimal(wish.input_price_per_million, MILLION)
        return (
            replace(FREE, per_call=each)
            if wish.unit == "requests"
            else replace(FREE, per_image=each)
        )
    if wish.unit not in ("tokens", None):
        raise refuse("unit", f"is one of tokens, {', '.join(UNITS)}.")
    long_write = wish.cache_write_1h_price_per_million
    return Rates(
        decimal(wish.input_price_per_million),
        decimal(wish.output_price_per_million),
        None if read is None else decimal(read),
        None if write is None else decimal(write),
        kinds={} if long_write is None else {LONG_WRITE: decimal(long_write)},
        tiers=[_tier(tier) for tier in wish.pricing_tiers or ()],
    )


def _tier(tier: OtherRates) -> dict[str, object]:
    """otari's holds from its threshold on, ours above it."""
    if tier.min_input_tokens <= 1:
        raise refuse("min_input_tokens", "is a number of tokens above one.")
    named = {ours: getattr(tier, theirs) for theirs, ours in TIER_RATES.items()}
    rates = {name: decimal(rate) for name, rate in named.items() if rate is not None}
    return {"above": tier.min_input_tokens - 1, **rates}


def _told(row: NewPrice | PriceRow, created_at_ms: int | None = None) -> Told:
    at_ms = row.created_at_ms if isinstance(row, PriceRow) else created_at_ms
    kinds = dict(row.kinds)
    unit, rates = "tokens", (row.input, row.output, row.cache_read, row.cache_write)
    for word, member in UNITS.items():
        if getattr(row, member) and not any(rates):
            unit = word
            rates = (getattr(row, member), 0, 0, 0)
    names = list(TIER_RATES)
    return {
        "model_key": row.model,
        **{name: _dollars(picos) for name, picos in zip(names[:4], rates, strict=True)},
        names[4]: _dollars(kinds[LONG_WRITE]) if LONG_WRITE in kinds else None,
        "unit": unit,
        "pricing_tiers": [_told_tier(tier) for tier in row.tiers],
        "effective_at": told_moment(row.effective_at_ms),
        "created_at": told_moment(at_ms),
        "updated_at": told_moment(at_ms),
        "origin": "api" if row.set_by else "config",
    }


def _told_tier(tier: Tier) -> Told:
    rates = dict(tier.rates)
    return {
        "min_input_tokens": tier.above + 1,
        **{
            theirs: _dollars(rates[ours]) if ours in rates else None
            for theirs, ours in TIER_RATES.items()
        },
    }


def _dollars(picos: int) -> float:
    """For a million. To be shown: nothing here reckons with it."""
    return picos / PICOS_PER_DOLLAR_PER_MILLION

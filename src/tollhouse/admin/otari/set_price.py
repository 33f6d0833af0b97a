"""`/usage/set-price`: settled calls of one model are priced anew, by rates for a million tokens."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from tollhouse.admin.asking import Answer, Asking
from tollhouse.admin.otari.desk import decimal, moment_ms, refuse, tenant
from tollhouse.admin.resource import Resource
from tollhouse.control import repricing
from tollhouse.control.prices import Rates
from tollhouse.control.repricing import Repriced
from tollhouse.domain.reports import EVER_MS
from tollhouse.ports import Books
from tollhouse.storage.corrections import Wanted

NO_FILTERS = (
    *("ids", "source", "source_label", "user_id", "api_key_id", "status", "endpoint", "tool"),
    "workspace_id",
)


class SetPrice(msgspec.Struct, forbid_unknown_fields=True):
    input_price_per_million: float
    output_price_per_million: float
    cache_read_price_per_million: float | None = None
    cache_write_price_per_million: float | None = None
    by_filter: bool = False
    model: str | None = None
    provider: str | None = None
    start_date: str | None = None
    end_date: str | None = None
    priced: bool | None = None
    ids: list[str] | None = None
    source: str | None = None
    source_label: str | None = None
    user_id: str | None = None
    api_key_id: str | None = None
    status: str | None = None
    endpoint: str | None = None
    tool: str | None = None
    workspace_id: str | None = None


def rows() -> Iterator[Resource]:
    yield Resource(
        name="otari_usage_set_price",
        method="POST",
        path="/usage/set-price",
        serve=_set_price,
        summary="Settled calls of one model are priced anew; what they were billed before is kept.",
        operations=("usage.reprice",),
        body=SetPrice,
    )


async def _set_price(asking: Asking) -> Answer:
    wish = asking.read(SetPrice)
    wanted, rates, by = _wanted(asking, wish), _rates(wish), asking.actor.name

    async def work(store: Books) -> Repriced:
        return await repricing.by_rates(store, wanted, rates, asking.desk.new_id, by, asking.now_ms)

    found = await asking.change("usage.reprice", {}, work)
    unchanged = found.matched - found.updated
    return Answer({"matched": found.matched, "updated": found.updated, "unchanged": unchanged})


def _wanted(asking: Asking, wish: SetPrice) -> Wanted:
    for name in NO_FILTERS:
        if getattr(wish, name) is not None:
            raise refuse(name, "is no filter here: calls are meant by model, provider and dates.")
    if not wish.by_filter:
        raise refuse("by_filter", "is true: calls are meant by a filter.")
    if not wish.model or not wish.provider:
        raise refuse(
            "model" if not wish.model else "provider", "is named: prices are those of one."
        )
    if wish.priced:
        raise refuse("priced", "is false, for calls that had no price, or left out.")
    return Wanted(
        f"{wish.provider}:{wish.model}",
        tenant(asking),
        moment_ms(wish.start_date, "start_date") if wish.start_date else 0,
        moment_ms(wish.end_date, "end_date") if wish.end_date else EVER_MS,
        is_unpriced=wish.priced is False,
    )


def _rates(wish: SetPrice) -> Rates:
    read, write = wish.cache_read_price_per_million, wish.cache_write_price_per_million
    return Rates(
        decimal(wish.input_price_per_million),
        decimal(wish.output_price_per_million),
        None if read is None else decimal(read),
        None if write is None else decimal(write),
    )

"""Prices, one at a time. Rates are decimal text: no float is on the way."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from tollhouse.admin import telling
from tollhouse.admin.asking import Answer, Asking
from tollhouse.admin.moments import moment_ms
from tollhouse.admin.resource import Resource
from tollhouse.control import prices
from tollhouse.control.prices import Rates, Whose
from tollhouse.domain.errors import NotThere
from tollhouse.ports import Books
from tollhouse.storage.prices import NewPrice


class Price(msgspec.Struct, forbid_unknown_fields=True):
    target: str
    input: str
    output: str
    cache_read: str | None = None
    cache_write: str | None = None
    per_call: str | None = None
    per_image: str | None = None
    per_second: str | None = None
    per_character: str | None = None
    kinds: dict[str, str] = {}
    """Rates of their own for tokens of a kind, such as `audio_input`."""

    tiers: list[dict[str, str | int]] = []
    """What longer prompts cost: `above`, a number of tokens, and the rates that change."""

    tenant: str = ""
    """Whose own it is; empty for everybody's."""

    effective_at: str | None = None
    effective_to: str | None = None


def rows() -> Iterator[Resource]:
    yield Resource(
        name="prices_list",
        method="GET",
        path="/prices",
        serve=_prices,
        summary="The prices in force, in dollars per million tokens or per unit.",
        operations=("prices.list",),
        is_list=True,
    )
    yield Resource(
        name="prices_create",
        method="POST",
        path="/prices",
        serve=_set_price,
        summary="A price is set: always a new row, so that settled calls keep theirs.",
        operations=("prices.set",),
        body=Price,
    )
    yield Resource(
        name="prices_show",
        method="GET",
        path="/prices/",
        serve=_history,
        summary="Every price that a target ever had.",
        operations=("prices.show",),
    )


async def _prices(asking: Asking) -> Answer:
    await asking.judge("prices.list", "house")
    found = await prices.in_force(asking.store, asking.now_ms)
    return asking.page(found, lambda row: row.model, telling.price)


async def _history(asking: Asking) -> Answer:
    await asking.judge("prices.show", "house")
    found = await prices.history(asking.store, asking.id)
    if not asking.id or not found:
        raise NotThere
    return Answer({"data": [telling.price(row) for row in found]}, f"price:{asking.id}")


async def _set_price(asking: Asking) -> Answer:
    wish = asking.read(Price)
    units = (wish.per_call, wish.per_image, wish.per_second, wish.per_character)
    finer = (wish.kinds, wish.tiers)
    rates = Rates(wish.input, wish.output, wish.cache_read, wish.cache_write, *units, *finer)
    moment = moment_ms(wish.effective_at, "effective_at") if wish.effective_at else None
    until = moment_ms(wish.effective_to, "effective_to") if wish.effective_to else None
    whose = Whose(wish.tenant, until, asking.actor.name)

    async def work(store: Books) -> NewPrice:
        return await prices.set_price(store, wish.target, rates, moment, asking.now_ms, whose)

    made = await asking.change("prices.set", {"target": wish.target}, work)
    return Answer(telling.price(made), f"price:{wish.target}", status=201)

"""Price books that were laid before the house: what they would change, approved or rejected.

The ETag of an update is that of all prices, so who sends it back approves what they saw or nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import msgspec

from tollhouse.admin import telling
from tollhouse.admin.asking import Answer, Asking
from tollhouse.admin.keys import Nothing
from tollhouse.admin.resource import Resource
from tollhouse.control import price_updates
from tollhouse.control.price_updates import Approved, Update
from tollhouse.data import seed_prices
from tollhouse.domain.errors import NotThere
from tollhouse.domain.storing import Conflict
from tollhouse.ports import Books

OF_PRICES = "prices:all"


class Book(msgspec.Struct, forbid_unknown_fields=True):
    book: Literal["packaged"]
    """That of this version. A file of its own is laid before the house on the host."""


class Approval(msgspec.Struct, forbid_unknown_fields=True):
    jumps: list[str] = []
    """Targets whose price may become ten times as much, or a tenth."""


def rows() -> Iterator[Resource]:
    yield Resource(
        name="price_updates_list",
        method="GET",
        path="/price-updates",
        serve=_listed,
        summary="The price books that were laid before the house, and how much of each is open.",
        operations=("prices.diff",),
        is_list=True,
    )
    yield Resource(
        name="price_updates_propose",
        method="POST",
        path="/price-updates",
        serve=_propose,
        summary="The price book of this version is laid before the house. Nothing holds before it is approved.",
        operations=("prices.update",),
        body=Book,
    )
    yield Resource(
        name="price_updates_show",
        method="GET",
        path="/price-updates/",
        serve=_show,
        summary="What one would change, rate by rate, and what became of it.",
        operations=("prices.diff",),
    )
    yield Resource(
        name="price_updates_approve",
        method="POST",
        path="/price-updates/{id}/approve",
        serve=_approve,
        summary="What is open of one holds: from now, or from the day that the book says.",
        operations=("prices.approve",),
        body=Approval,
    )
    yield Resource(
        name="price_updates_reject",
        method="POST",
        path="/price-updates/{id}/reject",
        serve=_reject,
        summary="What is open of one is dropped.",
        operations=("prices.reject",),
        body=Nothing,
    )


async def _listed(asking: Asking) -> Answer:
    await asking.judge("prices.diff", "house")
    found = await price_updates.listed(asking.store)
    return asking.page(found, lambda update: update.proposal.id, telling.price_update)


async def _show(asking: Asking) -> Answer:
    await asking.judge("prices.diff", "house")
    update = await _found(asking.store, asking.id)
    changes = [telling.price_change(each) for each in update.changes]
    return Answer({**telling.price_update(update), "changes": changes}, OF_PRICES)


async def _propose(asking: Asking) -> Answer:
    book = asking.read(Book).book

    async def work(store: Books) -> Update | None:
        made_by = asking.actor.name
        return await price_updates.propose(store, seed_prices(), book, asking.now_ms, made_by)

    update = await asking.change("prices.update", {}, work)
    told = telling.price_update(update) if update else {"id": None, "book": book, "open": 0}
    return Answer(told, OF_PRICES)


async def _approve(asking: Asking) -> Answer:
    wish, number = asking.read(Approval), asking.id

    async def work(store: Books) -> Approved:
        await _found(store, number)
        jumps = frozenset(wish.jumps)
        return await price_updates.approve(store, number, jumps, asking.now_ms, asking.actor.name)

    approved = await asking.change("prices.approve", {}, work)
    told = {"id": number, "added": len(approved.added), "held": list(approved.held)}
    return Answer(told, OF_PRICES)


async def _reject(asking: Asking) -> Answer:
    asking.read(Nothing)
    number = asking.id

    async def work(store: Books) -> int:
        await _found(store, number)
        return await price_updates.reject(store, number, asking.now_ms, asking.actor.name)

    rejected = await asking.change("prices.reject", {}, work)
    return Answer({"id": number, "rejected": rejected}, OF_PRICES)


async def _found(store: Books, number: str) -> Update:
    try:
        return await price_updates.shown(store, number)
    except Conflict:
        raise NotThere from None

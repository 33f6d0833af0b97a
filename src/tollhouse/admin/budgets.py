"""Accounts, and what their owners may spend. Amounts are decimal text: no float is on the way."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from tollhouse.admin import keys as key_rooms
from tollhouse.admin import telling
from tollhouse.admin.asking import Answer, Asking
from tollhouse.admin.resource import Resource
from tollhouse.control import budgets, keys
from tollhouse.control.budgets import Grant, Start
from tollhouse.domain import amounts, periods
from tollhouse.domain.budget import Account
from tollhouse.domain.errors import NotThere
from tollhouse.domain.roles import HOUSE, Place
from tollhouse.ports import Books


class Budget(msgspec.Struct, forbid_unknown_fields=True):
    limit: str | None
    """Dollars; null is without a limit."""

    is_granted: bool = True
    is_soft: bool = False
    every: str | msgspec.UnsetType | None = msgspec.UNSET
    zone: str = "UTC"


def rows() -> Iterator[Resource]:
    yield Resource(
        name="budgets_list",
        method="GET",
        path="/budgets",
        serve=_budgets,
        summary="The accounts that you may see.",
        operations=("budgets.list",),
        is_list=True,
    )
    yield Resource(
        name="budgets_show",
        method="GET",
        path="/budgets/",
        serve=_budget,
        summary="One account, by its owner: tenant:ID, project:ID, user:ID, key:ID or issuer:NAME.",
        operations=("budgets.list",),
    )
    yield Resource(
        name="budgets_set",
        method="PUT",
        path="/budgets/",
        serve=_set_budget,
        summary="What an owner may spend. What was spent stays spent.",
        operations=("budgets.set",),
        body=Budget,
    )


async def _budgets(asking: Asking) -> Answer:
    places = {row.id: key_rooms.place(row) for row in await keys.listed(asking.store)}

    def place(account: Account) -> Place:
        kind, _, name = account.owner.partition(":")
        if kind == "key":
            return places.get(name, HOUSE)
        tenant = name.partition("/")[0]
        return Place(tenant, name if kind == "project" else "", name if kind == "user" else "")

    found = await budgets.listed(asking.store, asking.now_ms)
    seen = asking.seen("budgets.list", found, place)
    return asking.page(seen, lambda row: row.owner, telling.account)


async def _budget(asking: Asking) -> Answer:
    await asking.judge("budgets.list", asking.id)
    return await _account(asking)


async def _account(asking: Asking) -> Answer:
    for row in await budgets.listed(asking.store, asking.now_ms):
        if row.owner == asking.id:
            return Answer(telling.account(row), f"budget:{row.owner}")
    raise NotThere


async def _set_budget(asking: Asking) -> Answer:
    wish, owner = asking.read(Budget), asking.id
    limit = None if wish.limit is None else amounts.nanos(wish.limit, "limit")
    grant = Grant(is_granted=wish.is_granted, limit=limit, is_soft=wish.is_soft)
    start = _start(wish, asking.now_ms)

    async def work(store: Books) -> Account:
        return await budgets.grant(store, owner, grant, start)

    await asking.change("budgets.set", {"owner": owner}, work)
    return await _account(asking)


def _start(wish: Budget, now_ms: int) -> Start | None:
    if isinstance(wish.every, msgspec.UnsetType):
        return None
    return Start(periods.period(wish.every, wish.zone) if wish.every else None, now_ms)

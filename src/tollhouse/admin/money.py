"""Budgets, prices, calls and what they add up to. Amounts are decimal text: no float is on the way."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime

import msgspec

from tollhouse.admin import keys as key_rooms
from tollhouse.admin import telling
from tollhouse.admin.asking import Answer, Asking
from tollhouse.admin.resource import Resource
from tollhouse.control import budgets, keys, prices, reports, usage
from tollhouse.control.budgets import Grant, Start
from tollhouse.control.prices import Rates, Whose
from tollhouse.control.usage import Whole
from tollhouse.domain import amounts, periods
from tollhouse.domain.budget import Account
from tollhouse.domain.errors import FieldInvalid, NotThere
from tollhouse.domain.reports import EVER_MS, NAMES, By, Scope, Sums
from tollhouse.domain.roles import HOUSE, Place
from tollhouse.ports import Books
from tollhouse.storage.calls import Call, Filter
from tollhouse.storage.prices import NewPrice

FILTERS = ("tenant", "project", "user", "key", "route", "model", "provider")
NARROWEST = ("key", "user", "project", "tenant")
"""Who asks for less than the house is judged on the narrowest that they name."""

MONEY = ("owed", "held")


class Budget(msgspec.Struct, forbid_unknown_fields=True):
    limit: str | None
    """Dollars; null is without a limit."""

    is_granted: bool = True
    is_soft: bool = False
    every: str | msgspec.UnsetType | None = msgspec.UNSET
    zone: str = "UTC"


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


class Resolution(msgspec.Struct, forbid_unknown_fields=True):
    owed: str
    """Dollars, or `release`, or `charge`."""


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
        summary="One account, by its owner: tenant:ID, project:ID, user:ID or key:ID.",
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
    yield Resource(
        name="calls_list",
        method="GET",
        path="/calls",
        serve=_calls,
        summary="Calls, the newest first, of a key, a tenant or the house.",
        operations=("usage.list",),
        query=("tenant", "key", "model", "state"),
        is_list=True,
    )
    yield Resource(
        name="calls_resolve",
        method="POST",
        path="/calls/{id}/resolve",
        serve=_resolve,
        summary="A call whose end nobody saw is settled by hand.",
        operations=("usage.resolve",),
        body=Resolution,
    )
    yield Resource(
        name="usage_report",
        method="GET",
        path="/usage",
        serve=_report,
        summary="What calls add up to, `by` one or more of what they have in common.",
        operations=("usage.report",),
        query=("by", "from", "to", "zone", *FILTERS),
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
    moment = _moment_ms(wish.effective_at, "effective_at") if wish.effective_at else None
    until = _moment_ms(wish.effective_to, "effective_to") if wish.effective_to else None
    whose = Whose(wish.tenant, until, asking.actor.name)

    async def work(store: Books) -> NewPrice:
        return await prices.set_price(store, wish.target, rates, moment, asking.now_ms, whose)

    made = await asking.change("prices.set", {"target": wish.target}, work)
    return Answer(telling.price(made), f"price:{wish.target}", status=201)


async def _calls(asking: Asking) -> Answer:
    await asking.judge("usage.list", _narrowest(asking, "key", "tenant"))
    asked = asking.query
    key = asked.get("key", "").removeprefix("thk_")
    wanted = Filter(asked.get("tenant", ""), key, asked.get("model", ""), asked.get("state", ""))

    async def fetch(limit: int, before: str) -> list[Call]:
        return await usage.listed(asking.store, wanted, limit, before)

    return await asking.pages(fetch, lambda row: row.id, telling.call)


async def _resolve(asking: Asking) -> Answer:
    wish, call = asking.read(Resolution), asking.id
    is_word = wish.owed in tuple(each.value for each in Whole)
    owed = Whole(wish.owed) if is_word else amounts.nanos(wish.owed, "owed")

    async def work(store: Books) -> int:
        return await usage.resolve(store, store, call, owed, asking.now_ms)

    settled = await asking.change("usage.resolve", {"call": call}, work)
    return Answer({"id": call, "state": "settled", "owed": telling.money(settled)})


async def _report(asking: Asking) -> Answer:
    await asking.judge("usage.report", _narrowest(asking, *NARROWEST))
    asked = asking.query
    by = _by(asked.get("by", By.TENANT.value))
    zone = reports.found_zone(asked.get("zone", "UTC"))
    named = {name: asked.get(name, "") for name in FILTERS}
    named["key"] = named["key"].removeprefix("thk_")
    scope = Scope(
        **named,
        from_ms=_moment_ms(asked["from"], "from") if "from" in asked else 0,
        until_ms=_moment_ms(asked["to"], "to") if "to" in asked else EVER_MS,
    )
    made = await reports.report(asking.store, by, scope, zone)
    lines = [
        {**dict(zip((each.value for each in by), line.labels, strict=True)), **_sums(line.sums)}
        for line in made.lines
    ]
    return Answer({"by": [each.value for each in by], "data": lines, "total": _sums(made.total)})


def _sums(sums: Sums) -> telling.Told:
    counts = dict(zip(NAMES, sums.cells(), strict=True))
    return {
        name: telling.money(count) if name in MONEY else count for name, count in counts.items()
    }


def _narrowest(asking: Asking, *kinds: str) -> str:
    for kind in kinds:
        if name := asking.query.get(kind):
            return f"{kind}:{name}"
    return "house"


def _by(text: str) -> tuple[By, ...]:
    known = tuple(each.value for each in By)
    words = tuple(dict.fromkeys(text.split(",")))
    if any(word not in known for word in words):
        raise FieldInvalid(f"`by` is one or more of {', '.join(known)}, with commas.", param="by")
    return tuple(map(By, words))


def _moment_ms(text: str, name: str) -> int:
    try:
        moment = datetime.fromisoformat(text) if re.match(r"[0-9]{4}-", text) else None
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise FieldInvalid(f"`{name}` is a time such as 2026-01-31T00:00:00Z.", param=name)
    return round(moment.timestamp() * 1000)

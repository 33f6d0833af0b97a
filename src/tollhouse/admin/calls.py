"""Calls, and what they add up to."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from tollhouse.admin import telling
from tollhouse.admin.asking import Answer, Asking
from tollhouse.admin.moments import moment_ms
from tollhouse.admin.resource import Resource
from tollhouse.control import reports, usage
from tollhouse.control.usage import Whole
from tollhouse.domain import amounts, periods
from tollhouse.domain.errors import FieldInvalid
from tollhouse.domain.reports import EVER_MS, NAMES, By, Scope, Sums
from tollhouse.ports import Books
from tollhouse.storage.calls import Call, Filter

FILTERS = ("tenant", "project", "user", "key", "route", "model", "provider")
NARROWEST = ("key", "user", "project", "tenant")
"""Who asks for less than the house is judged on the narrowest that they name."""

MONEY = ("owed", "held")


class Resolution(msgspec.Struct, forbid_unknown_fields=True):
    owed: str
    """Dollars, or `release`, or `charge`."""


def rows() -> Iterator[Resource]:
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
    zone = periods.found_zone(asked.get("zone", "UTC"))
    named = {name: asked.get(name, "") for name in FILTERS}
    named["key"] = named["key"].removeprefix("thk_")
    scope = Scope(
        **named,
        from_ms=moment_ms(asked["from"], "from") if "from" in asked else 0,
        until_ms=moment_ms(asked["to"], "to") if "to" in asked else EVER_MS,
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

"""Usage that happened outside, told by whoever saw it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from tollhouse.admin import telling
from tollhouse.admin.asking import Answer, Asking
from tollhouse.admin.resource import Resource
from tollhouse.control import outside, outside_lines
from tollhouse.control.outside import Batch, Imported
from tollhouse.control.outside_known import known
from tollhouse.control.outside_lines import Told
from tollhouse.domain.outside import Event
from tollhouse.ports import Books

MOST_BYTES = 512 * 1024


class Events(msgspec.Struct, forbid_unknown_fields=True):
    tenant: str
    source: str
    """Who tells of it. Its ids of events are its own."""

    events: list[Told]


def rows() -> Iterator[Resource]:
    yield Resource(
        name="calls_import",
        method="POST",
        path="/calls/import",
        serve=_import,
        summary="Usage that happened outside is counted: once for each event, all of them or none.",
        operations=("usage.import",),
        body=Events,
        most_bytes=MOST_BYTES,
    )


async def _import(asking: Asking) -> Answer:
    events = [_event(number, told) for number, told in enumerate(_listed(asking.body))]
    wish = asking.read(Events)
    made = await count(asking, wish.tenant, wish.source, events)
    return Answer(
        {
            "id": made.id,
            "events": len(made.found.counted),
            "again": made.found.again,
            "owed": telling.money(made.found.owed),
            "accounts": [
                {"owner": owner, "owed": telling.money(owed)}
                for owner, owed in made.found.by_owner.items()
            ],
        }
    )


async def count(asking: Asking, tenant: str, source: str, events: list[Event]) -> Imported:
    """As one act."""
    places = [place(number) for number in range(len(events))]
    batch, models = Batch(tenant, source, events, places), known(asking.office.settings)
    by, new_id = asking.actor.name, asking.desk.new_id

    async def work(store: Books) -> Imported:
        return await outside.count(store, batch, models, new_id, by, asking.now_ms)

    return await asking.change("usage.import", {"tenant": tenant}, work)


def place(number: int) -> str:
    return f"events[{number}]"


def _event(number: int, told: Any) -> Event:
    with outside.named(place(number)):
        return outside_lines.event(told)


def _listed(body: Any) -> list[Any]:
    """What is no list is refused with the rest of the body."""
    events = body.get("events")
    return events if isinstance(events, list) else []

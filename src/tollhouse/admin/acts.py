"""Who changed what, for auditors: read from this gateway's own audit log."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tollhouse.admin.asking import Answer, Asking
from tollhouse.admin.resource import Resource
from tollhouse.control import acts, auditing
from tollhouse.control.acts import Wanted

FILTERS = ("operation", "actor", "subject")


def rows() -> Iterator[Resource]:
    yield Resource(
        name="acts_list",
        method="GET",
        path="/acts",
        serve=_listed,
        summary="Who changed what, the newest first, as far as this gateway's own log goes.",
        operations=("audit.acts",),
        query=FILTERS,
        is_list=True,
    )


async def _listed(asking: Asking) -> Answer:
    await asking.judge("audit.acts", "house")
    directory = auditing.directory(asking.office.settings)
    wanted = Wanted(*(asking.query.get(name, "") for name in FILTERS))

    async def fetch(limit: int, before: str) -> list[dict[str, Any]]:
        return await acts.acts(directory, wanted, limit, before)

    return await asking.pages(fetch, acts.position, lambda record: record)

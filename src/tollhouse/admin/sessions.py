"""Sessions of the console, listed and ended. They are begun by logging on alone."""

from __future__ import annotations

from collections.abc import Iterator

from tollhouse.admin import telling
from tollhouse.admin.asking import Answer, Asking
from tollhouse.admin.resource import Resource
from tollhouse.control import places, sessions
from tollhouse.domain.errors import NotThere
from tollhouse.ports import Books
from tollhouse.storage import sessions as stored


def rows() -> Iterator[Resource]:
    yield Resource(
        name="sessions_list",
        method="GET",
        path="/sessions",
        serve=_listed,
        summary="The sessions that you may see: whose, since when, and what ended them. Never a secret.",
        operations=("sessions.list",),
        is_list=True,
    )
    yield Resource(
        name="sessions_show",
        method="GET",
        path="/sessions/",
        serve=_show,
        summary="One session's record.",
        operations=("sessions.list",),
    )
    yield Resource(
        name="sessions_revoke",
        method="DELETE",
        path="/sessions/",
        serve=_revoke,
        summary="A session is ended: it opens nothing from the next request on.",
        operations=("sessions.revoke",),
    )


async def _listed(asking: Asking) -> Answer:
    found = await sessions.listed(asking.store)
    seen = asking.seen("sessions.list", found, lambda row: places.of_user(row.claims.user))
    return asking.page(seen, lambda row: row.id, telling.session)


async def _show(asking: Asking) -> Answer:
    subject = f"session:{asking.id}"
    await asking.judge("sessions.list", subject)
    row = await stored.session(asking.store, asking.id)
    if row is None:
        raise NotThere
    return Answer(telling.session(row), subject)


async def _revoke(asking: Asking) -> Answer:
    session, by = asking.id, asking.actor.name

    async def work(store: Books) -> None:
        await sessions.revoke(store, session, by, asking.now_ms)

    await asking.change("sessions.revoke", {"session": session}, work)
    return Answer({"id": session, "is_revoked": True})

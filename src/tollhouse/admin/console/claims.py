"""The link that is printed on the host. Opening it changes nothing: programs look at links, too. The button does."""

from __future__ import annotations

from tollhouse.admin.comers import caller, tried
from tollhouse.admin.console import pages
from tollhouse.admin.console.serving import Visit
from tollhouse.control import sessions as control
from tollhouse.control.sessions import Begun
from tollhouse.domain import sessions
from tollhouse.domain.errors import LoginRefused
from tollhouse.domain.sessions import CLAIM
from tollhouse.storage import sessions as stored


async def opened(visit: Visit) -> None:
    secret = visit.query(("claim",)).get("claim", "")
    if not sessions.is_secret(secret, CLAIM):
        raise LoginRefused(private="it is no claim")
    await visit.show(pages.claim(secret))


async def used(visit: Visit) -> None:
    secret = (await visit.form("claim")).get("claim", "")
    desk, peer = visit.office.desk, visit.call.peer

    async def prove() -> Begun:
        who = await control.claimed(desk.store, secret, desk.now_ms())
        before = await current(visit)
        begun = await control.begin(desk.store, visit.console, who, peer, desk.now_ms(), before)
        visit.record.caller = caller(
            f"session:{begun.id}", who.name, who.proof, begun.expires_at_ms
        )
        return begun

    begun = await tried(visit.record, visit.house, secret, prove)
    await visit.send_to(pages.HOME, visit.console.front.session(begun.secret))


async def current(visit: Visit) -> str:
    """The session that the browser shows, by its id: a new one takes its place."""
    shown, store = visit.session, visit.office.desk.store
    if shown is None:
        return ""
    row = await stored.shown(store, sessions.digest(shown))
    return row.id if row else ""

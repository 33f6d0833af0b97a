"""Who is logged on, and how one leaves."""

from __future__ import annotations

from tollhouse.admin.comers import by_session
from tollhouse.admin.console import pages
from tollhouse.admin.console.serving import Visit
from tollhouse.control import sessions as control
from tollhouse.domain import sessions
from tollhouse.domain.errors import SessionOver
from tollhouse.domain.periods import iso
from tollhouse.storage import sessions as stored


async def home(visit: Visit) -> None:
    shown = visit.session
    if shown is None:
        await visit.send_to(pages.LOGIN)
        return
    sessions.insist_on_own_reading(visit.call.fields)
    actor = await by_session(visit.record, visit.house, visit.office, visit.console, shown)
    session = actor.token.partition(":")[2]
    row = await stored.session(visit.office.desk.store, session)
    facts = [
        *((f"{grant.role}", _place(grant.at.project or grant.at.tenant)) for grant in actor.grants),
        ("session", session),
        ("until", iso(row.expires_at_ms) if row else ""),
    ]
    await visit.show(pages.home(actor.name, facts, sessions.csrf(shown)))


async def logout(visit: Visit) -> None:
    """Whatever the session is worth by now: the browser forgets it."""
    fields = await visit.form("csrf")
    shown = visit.session
    if shown is None:
        raise SessionOver
    sessions.insist_on_csrf(fields.get("csrf"), shown)
    actor = await by_session(visit.record, visit.house, visit.office, visit.console, shown)
    desk = visit.office.desk
    session = actor.token.partition(":")[2]
    await control.revoke(desk.store, session, "its logout", desk.now_ms())
    front = visit.console.front
    await visit.send_to(pages.LOGIN, front.without(front.session_cookie))


def _place(name: str) -> str:
    return f"at {name}" if name else "at the house"


async def offered(visit: Visit) -> None:
    """The ways to log on."""
    await visit.show(pages.login(sorted(visit.console.rules)))

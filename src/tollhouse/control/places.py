"""Where a thing is: the tenant and project it lies in, and whose it is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from tollhouse.domain.roles import HOUSE, Place
from tollhouse.ports import Database
from tollhouse.storage import calls, keys, memberships, plans, sessions, tenancy, tokens
from tollhouse.storage.tenancy import Kind

Find = Callable[[Database, str], Awaitable[Place | None]]


async def standing_at(database: Database, subject: str) -> Place | None:
    """The place of KIND:ID; None when there is no such thing."""
    kind, _, name = subject.partition(":")
    find = _FINDERS.get(kind)
    return await find(database, name) if find else None


async def _house(_database: Database, _name: str) -> Place | None:
    return HOUSE


def _of(kind: Kind) -> Find:
    async def find(database: Database, name: str) -> Place | None:
        tenant = name.partition("/")[0]
        if not any(each.id == name for each in await tenancy.members(database, kind, tenant)):
            return None
        return Place(
            tenant,
            name if kind is Kind.PROJECT else "",
            name if kind is Kind.USER else "",
        )

    return find


async def _key(database: Database, name: str) -> Place | None:
    rows = await keys.keys(database, key=name.removeprefix("thk_")) if name else []
    return Place(rows[0].tenant, rows[0].project, rows[0].user) if rows else None


async def _call(database: Database, name: str) -> Place | None:
    row = await calls.call(database, name)
    return Place(row.tenant, row.project, row.user) if row else None


async def _member(database: Database, name: str) -> Place | None:
    row = await memberships.membership(database, name)
    return await standing_at(database, row.at) if row else None


async def _plan(database: Database, name: str) -> Place | None:
    rows = await plans.plans(database, plan=name) if name else []
    return Place(rows[0].tenant) if rows else None


async def _outside(_database: Database, name: str) -> Place | None:
    """The account of a source lies in the tenant that it tells of."""
    return Place(name.partition("/")[0])


async def _token(database: Database, name: str) -> Place | None:
    row = await tokens.token(database, name)
    return of_user(row.user) if row else None


async def _session(database: Database, name: str) -> Place | None:
    row = await sessions.session(database, name)
    return of_user(row.claims.user) if row else None


def of_user(user: str) -> Place:
    """Where what belongs to a user is; of what belongs to nobody, the house."""
    return Place(user.partition("/")[0], "", user) if user else HOUSE


_FINDERS: Mapping[str, Find] = {
    "house": _house,
    "tenant": _of(Kind.TENANT),
    "project": _of(Kind.PROJECT),
    "user": _of(Kind.USER),
    "key": _key,
    "model": _house,
    "route": _house,
    "issuer": _house,
    "call": _call,
    "member": _member,
    "plan": _plan,
    "outside": _outside,
    "token": _token,
    "session": _session,
}

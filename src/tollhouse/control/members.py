"""Roles given and taken. Nobody gives more than they have, and the last owner stays."""

from __future__ import annotations

from tollhouse.control.keys import Draw, draw
from tollhouse.control.owners import insist_on_another
from tollhouse.control.places import standing_at
from tollhouse.domain.errors import RoleInsufficient
from tollhouse.domain.operations import Role
from tollhouse.domain.roles import HOUSE, Actor, Place, place_of
from tollhouse.domain.storing import Conflict
from tollhouse.ports import Database
from tollhouse.storage import memberships
from tollhouse.storage.memberships import Membership

ID_LENGTH = 12


async def add(
    database: Database,
    by: Actor,
    user: str,
    at: str,
    role: Role,
    now_ms: int,
    draw: Draw = draw,
) -> Membership:
    place = place_of(at)
    if await standing_at(database, at) is None:
        raise Conflict(f"there is no {at}")
    await _insist_on_user(database, by, user, place)
    _insist_on_having(by, role, place)
    new = Membership(draw(ID_LENGTH), user, at, role, now_ms)
    if await memberships.memberships(database, at, user):
        raise Conflict(f"{user} has a role at {at} already: change it")
    await memberships.add(database, new)
    return new


async def change(database: Database, by: Actor, user: str, at: str, role: Role) -> Membership:
    """Who changes a role has all of the old one and of the new one."""
    place, has = place_of(at), await _found(database, user, at)
    _insist_on_having(by, has.role, place)
    _insist_on_having(by, role, place)
    if role is not Role.OWNER:
        await insist_on_another(database, has)
    await memberships.change(database, user, at, role)
    return await _found(database, user, at)


async def remove(database: Database, by: Actor, user: str, at: str) -> Membership:
    has = await _found(database, user, at)
    _insist_on_having(by, has.role, place_of(at))
    await insist_on_another(database, has)
    await memberships.remove(database, user, at)
    return has


async def listed(database: Database, at: str = "", user: str = "") -> list[Membership]:
    return await memberships.memberships(database, at, user)


async def _found(database: Database, user: str, at: str) -> Membership:
    held = await memberships.memberships(database, at, user)
    if not held:
        raise Conflict(f"{user} has no role at {at[:60]}")
    return held[0]


async def _insist_on_user(database: Database, by: Actor, user: str, place: Place) -> None:
    """Of another tenant's users only who holds a role at the house may learn."""
    seen = await standing_at(database, f"user:{user}")
    is_foreign = seen is not None and seen.tenant != place.tenant
    if seen is None or (is_foreign and not any(grant.at == HOUSE for grant in by.grants)):
        raise Conflict(f"there is no user {user[:100]!r} of this tenant")


def _insist_on_having(by: Actor, role: Role, place: Place) -> None:
    if not by.may_give(role, place):
        raise RoleInsufficient(f"Only who has all that {role} may do gives or takes that role.")

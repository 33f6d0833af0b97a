"""Who holds which role where."""

from __future__ import annotations

from dataclasses import dataclass

from tollhouse.domain.operations import Role
from tollhouse.ports import Database, Row


@dataclass(frozen=True, slots=True)
class Membership:
    id: str
    user: str
    at: str
    """`house`, `tenant:ID` or `project:ID`."""

    role: Role
    created_at_ms: int


_LIST = """
SELECT id, user_id, place, role, created_at FROM memberships
WHERE $1 IN ('', place) AND $2 IN ('', user_id) ORDER BY id
"""
_ONE = "SELECT id, user_id, place, role, created_at FROM memberships WHERE id = $1"
_ADD = """
INSERT INTO memberships (id, user_id, place, role, created_at) VALUES ($1, $2, $3, $4, $5)
"""
_CHANGE = "UPDATE memberships SET role = $1 WHERE user_id = $2 AND place = $3"
_REMOVE = "DELETE FROM memberships WHERE user_id = $1 AND place = $2"
_OTHER_OWNERS = """
SELECT COUNT(*) FROM memberships AS m JOIN users AS u ON u.id = m.user_id
WHERE m.place = $1 AND m.role = 'owner' AND m.user_id <> $2 AND u.is_disabled = 0
"""


async def memberships(database: Database, at: str = "", user: str = "") -> list[Membership]:
    return [_membership(row) for row in await database.read(_LIST, at, user)]


async def membership(database: Database, member: str) -> Membership | None:
    rows = await database.read(_ONE, member)
    return _membership(rows[0]) if rows else None


async def add(database: Database, new: Membership) -> None:
    """Raises Conflict if the user has a role there."""
    values = (new.id, new.user, new.at, new.role.value, new.created_at_ms)
    await database.write((_ADD, values))


async def change(database: Database, user: str, at: str, role: Role) -> bool:
    """False when there is no such membership."""
    (changed,) = await database.write((_CHANGE, (role.value, user, at)))
    return changed == 1


async def remove(database: Database, user: str, at: str) -> bool:
    """False when there is no such membership."""
    (removed,) = await database.write((_REMOVE, (user, at)))
    return removed == 1


async def has_other_owners(database: Database, at: str, user: str) -> bool:
    """Whether somebody else who is let in owns the place."""
    ((count,),) = await database.read(_OTHER_OWNERS, at, user)
    return bool(count)


def _membership(row: Row) -> Membership:
    member, user, at, role, created_at = row
    return Membership(member, user, at, Role(role), created_at)

"""No place is left without an owner who is let in."""

from __future__ import annotations

from tollhouse.domain.errors import LastOwner
from tollhouse.domain.operations import Role
from tollhouse.ports import Database
from tollhouse.storage import memberships
from tollhouse.storage.memberships import Membership


async def insist_on_another(database: Database, has: Membership) -> None:
    """Raises LastOwner if nobody else owns what this one does."""
    if has.role is Role.OWNER and not await memberships.has_other_owners(
        database, has.at, has.user
    ):
        raise LastOwner(f"{has.user} is the last owner of {has.at}: name another one before.")


async def insist_on_others(database: Database, user: str) -> None:
    """Of a user who is to be shut out."""
    for each in await memberships.memberships(database, user=user):
        await insist_on_another(database, each)

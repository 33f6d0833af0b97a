"""Deleting what nothing holds. What something holds stays, and the refusal names what holds it."""

from __future__ import annotations

from tollhouse.domain.errors import InUse
from tollhouse.domain.storing import Conflict
from tollhouse.ports import Database
from tollhouse.storage import holders
from tollhouse.storage.tenancy import Kind


async def delete(database: Database, kind: Kind, member: str) -> None:
    """The row and its account, which nothing was ever spent on. Raises InUse, Conflict."""
    held_by = await holders.holders(database, kind, member)
    if held_by:
        told = ", ".join(f"{count} {what}" for what, count in held_by.items())
        raise InUse(f"{kind} {member!r} is held by {told}.")
    try:
        is_gone = await holders.delete(database, kind, member)
    except Conflict:
        raise InUse(f"{kind} {member!r} was taken into use at this moment.") from None
    if not is_gone:
        raise Conflict(f"there is no {kind} {member[:100]!r}")

"""Processes that hold money, and until when each is believed to live."""

from __future__ import annotations

from dataclasses import dataclass

from tollhouse.ports import Database

_REGISTER = """
INSERT INTO owners (id, host, pid, started_at, lease_until) VALUES ($1, $2, $3, $4, $5)
"""
_RENEW = "UPDATE owners SET lease_until = $1 WHERE id = $2"
_FORGET = "DELETE FROM owners WHERE id = $1"
_LIST = "SELECT id, host, pid, started_at, lease_until FROM owners ORDER BY started_at, id"

# Kept while a call names it, so that an operator can see which process held the money.
_FORGET_DEAD = """
DELETE FROM owners WHERE lease_until <= $1 AND NOT EXISTS (
    SELECT 1 FROM calls WHERE calls.owner = owners.id AND calls.state <> 'settled'
)
"""


@dataclass(frozen=True, slots=True)
class Owner:
    id: str
    host: str
    pid: int
    started_at_ms: int
    lease_until_ms: int


async def register(database: Database, owner: Owner) -> None:
    values = (owner.id, owner.host, owner.pid, owner.started_at_ms, owner.lease_until_ms)
    await database.write((_REGISTER, values))


async def renew(database: Database, owner: str, lease_until_ms: int) -> bool:
    """False when the owner was forgotten: it must register anew."""
    (changed,) = await database.write((_RENEW, (lease_until_ms, owner)))
    return changed == 1


async def forget(database: Database, owner: str) -> None:
    await database.write((_FORGET, (owner,)))


async def forget_dead(database: Database, now_ms: int) -> int:
    """Forget those whose lease is past and who hold nothing; how many."""
    (gone,) = await database.write((_FORGET_DEAD, (now_ms,)))
    return gone


async def owners(database: Database) -> list[Owner]:
    return [Owner(*row) for row in await database.read(_LIST)]

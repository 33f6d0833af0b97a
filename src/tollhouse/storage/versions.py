"""How often a thing was changed by an act: of two on one version, one is done."""

from __future__ import annotations

from tollhouse.ports import Database, Statement

_VERSION = "SELECT COALESCE(MAX(version), 0) FROM versions WHERE subject = $1"
_NEXT = "INSERT INTO versions (subject, version, made_at) VALUES ($1, $2, $3)"


async def version(database: Database, subject: str) -> int:
    ((number,),) = await database.read(_VERSION, subject)
    return int(number)


def following(subject: str, version: int, now_ms: int) -> Statement:
    """In one transaction with the change: a Conflict says that another act was quicker."""
    return _NEXT, (subject, version + 1, now_ms)

"""How far each audit log had come: a copy beside the ledger, so that a cut file is noticed."""

from __future__ import annotations

from dataclasses import dataclass

from tollhouse.ports import Database

_ANCHOR = """
INSERT INTO audit_heads (writer, seq, hash, anchored_at) VALUES ($1, $2, $3, $4)
ON CONFLICT (writer) DO UPDATE SET seq = excluded.seq, hash = excluded.hash, anchored_at = excluded.anchored_at
WHERE excluded.seq > audit_heads.seq
"""
_LIST = "SELECT writer, seq, hash, anchored_at FROM audit_heads ORDER BY writer"


@dataclass(frozen=True, slots=True)
class Anchored:
    """The last record of a writer that is known to have been written."""

    writer: str
    seq: int
    hash: str
    at_ms: int


async def anchor(database: Database, head: Anchored) -> None:
    """Remember a head. One that is behind the remembered one changes nothing."""
    await database.write((_ANCHOR, (head.writer, head.seq, head.hash, head.at_ms)))


async def heads(database: Database) -> list[Anchored]:
    return [Anchored(*row) for row in await database.read(_LIST)]

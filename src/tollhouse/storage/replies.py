"""What was answered to requests that may come again, by the digest of who sent which key. No secrets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tollhouse.ports import Database, Statement


@dataclass(frozen=True, slots=True)
class Kept:
    """`body` is None from the act on until its answer is kept."""

    asked: str
    status: int | None
    body: str | None


_ONE = "SELECT asked, status, body FROM replies WHERE id = $1 AND created_at >= $2"
_CLAIM = "INSERT INTO replies (id, asked, created_at) VALUES ($1, $2, $3)"
_FORGET = "DELETE FROM replies WHERE created_at < $1"
_KEEP = "UPDATE replies SET status = $1, body = $2 WHERE id = $3"


async def kept(database: Database, reply: str, since_ms: int) -> Kept | None:
    rows = await database.read(_ONE, reply, since_ms)
    return Kept(*rows[0]) if rows else None


def claiming(reply: str, asked: str, now_ms: int, since_ms: int) -> Sequence[Statement]:
    """In one transaction with the act: a Conflict says that it was done before."""
    return (_FORGET, (since_ms,)), (_CLAIM, (reply, asked, now_ms))


async def keep(database: Database, reply: str, status: int, body: str) -> None:
    await database.write((_KEEP, (status, body, reply)))

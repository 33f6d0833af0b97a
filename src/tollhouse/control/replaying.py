"""A request that comes again under its Idempotency-Key gets the answer of the first, and nothing is done twice.

The key is claimed in one transaction with the act. Answers are kept for a day, without the secrets that were in
them: a store is no place for those, and who lost a secret has the key rotated.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from tollhouse.domain.errors import AlreadyDone, IdempotencyMismatch
from tollhouse.domain.repeats import insist_on_key
from tollhouse.ports import Database, Statement
from tollhouse.storage import replies

KEPT_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class Replay:
    status: int
    body: bytes


@dataclass(frozen=True, slots=True)
class Once:
    """One request that is to be done once: who sent which key, and what they asked for."""

    id: str
    asked: str

    def claim(self, now_ms: int) -> Sequence[Statement]:
        return replies.claiming(self.id, self.asked, now_ms, now_ms - KEPT_MS)

    async def replay(self, database: Database, now_ms: int) -> Replay | None:
        """What was answered the first time; None if this is it. Raises IdempotencyMismatch, AlreadyDone."""
        kept = await replies.kept(database, self.id, now_ms - KEPT_MS)
        if kept is None:
            return None
        if kept.asked != self.asked:
            raise IdempotencyMismatch
        if kept.status is None or kept.body is None:
            raise AlreadyDone
        return Replay(kept.status, kept.body.encode())

    async def keep(self, database: Database, status: int, body: bytes) -> None:
        await replies.keep(database, self.id, status, body.decode())


def once(actor: str, key: str, method: str, path: str, body: bytes) -> Once:
    insist_on_key(key)
    asked = sha256(b"\n".join((method.encode(), path.encode(), body))).hexdigest()
    return Once(sha256(f"{actor}\n{key}".encode()).hexdigest(), asked)

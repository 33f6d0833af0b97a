"""Idempotency-Keys that calls came under, and the answers to give again: sealed, and for a while."""

from __future__ import annotations

from collections.abc import Sequence

from tollhouse.domain.repeats import Claimed, Kept
from tollhouse.ports import Database, Statement

_FIND = """
SELECT repeats.asked, repeats.call, repeats.media, repeats.answer, calls.state, calls.outcome, calls.owed,
    CASE WHEN calls.state = 'unknown' AND calls.anomaly = 'owner_lost' THEN 1
        WHEN calls.state = 'held' AND NOT EXISTS (
            SELECT 1 FROM owners WHERE owners.id = calls.owner AND owners.lease_until > $1
        ) THEN 1 ELSE 0 END
FROM repeats LEFT JOIN calls ON calls.id = repeats.call WHERE repeats.id = $2 AND repeats.expires_at > $3
"""

# A call that came to nothing lets go of its claim, and no other does before its time.
_LET_GO = """
DELETE FROM repeats WHERE id = $1 AND (expires_at <= $2 OR answer IS NULL AND EXISTS (
    SELECT 1 FROM calls WHERE calls.id = repeats.call
        AND calls.state = 'settled' AND calls.owed = 0 AND calls.outcome <> 'completed'
))
"""
_CLAIM = """
INSERT INTO repeats (id, tenant, key_id, call, asked, created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7)
"""
_KEEP = "UPDATE repeats SET media = $1, answer = $2 WHERE id = $3 AND call = $4"
_FORGET = "DELETE FROM repeats WHERE expires_at <= $1"
_FORGET_OF = "DELETE FROM repeats WHERE key_id = $1"


async def find(database: Database, claim: str, now_ms: int) -> Claimed | None:
    rows = await database.read(_FIND, now_ms, claim, now_ms)
    if not rows:
        return None
    asked, call, media, answer, state, outcome, owed, is_lost = rows[0]
    kept = None if answer is None else Kept(media, answer)
    return Claimed(asked, call, kept, state, outcome, owed, bool(is_lost))


def claiming(
    claim: str, tenant: str, key: str, call: str, asked: str, now_ms: int, expires_at_ms: int
) -> Sequence[Statement]:
    """In one transaction with the call's hold. A Conflict says that another call has the claim."""
    values = (claim, tenant, key, call, asked, now_ms, expires_at_ms)
    return (_LET_GO, (claim, now_ms)), (_CLAIM, values)


async def keep(database: Database, claim: str, call: str, media: str, answer: bytes) -> bool:
    """False when the claim is another call's by now."""
    (changed,) = await database.write((_KEEP, (media, answer, claim, call)))
    return changed == 1


async def forget(database: Database, now_ms: int) -> int:
    """Those whose time is over; how many."""
    (gone,) = await database.write((_FORGET, (now_ms,)))
    return gone


def forgetting(key: str) -> Statement:
    """All that is kept for an API key."""
    return _FORGET_OF, (key,)

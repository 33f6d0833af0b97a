"""The admin tokens that were minted: what each may do, until when, and when it was used. Never a token."""

from __future__ import annotations

import json
from dataclasses import dataclass

from tollhouse.ports import Database, Row


@dataclass(frozen=True, slots=True)
class TokenRow:
    id: str
    user: str
    role: str
    at: str
    operations: tuple[str, ...]
    minted_by: str
    created_at_ms: int
    expires_at_ms: int
    last_used_at_ms: int | None = None
    revoked_at_ms: int | None = None


_COLUMNS = """
SELECT id, user_id, role, place, operations, minted_by, created_at, expires_at, last_used_at, revoked_at
FROM admin_tokens
"""
_LIST = _COLUMNS + "ORDER BY id"
_ONE = _COLUMNS + "WHERE id = $1"
_ADD = """
INSERT INTO admin_tokens (id, user_id, role, place, operations, minted_by, created_at, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
"""
_FORGET = "DELETE FROM admin_tokens WHERE expires_at < $1"
_REVOKE = "UPDATE admin_tokens SET revoked_at = $1 WHERE id = $2 AND revoked_at IS NULL"
_TOUCH = """
UPDATE admin_tokens SET last_used_at = $1
WHERE id = $2 AND (last_used_at IS NULL OR last_used_at < $3)
"""


async def add(database: Database, row: TokenRow, forget_before_ms: int) -> None:
    """What has been over for long is forgotten on the way."""
    values = (row.id, row.user, row.role, row.at, json.dumps(row.operations), row.minted_by)
    await database.write(
        (_ADD, (*values, row.created_at_ms, row.expires_at_ms)), (_FORGET, (forget_before_ms,))
    )


async def tokens(database: Database) -> list[TokenRow]:
    return [_token(row) for row in await database.read(_LIST)]


async def token(database: Database, token_id: str) -> TokenRow | None:
    rows = await database.read(_ONE, token_id)
    return _token(rows[0]) if rows else None


async def revoke(database: Database, token_id: str, now_ms: int) -> bool:
    """False when there is no such token, or it was taken back before."""
    (changed,) = await database.write((_REVOKE, (now_ms, token_id)))
    return changed == 1


async def touch(database: Database, token_id: str, now_ms: int, before_ms: int) -> None:
    """Note a use, if the last one that was noted is from before a moment."""
    await database.write((_TOUCH, (now_ms, token_id, before_ms)))


def _token(row: Row) -> TokenRow:
    token_id, user, role, at, operations, *rest = row
    return TokenRow(token_id, user, role, at, tuple(json.loads(operations)), *rest)

"""Users who are made by a token that comes first: so many of an issuer in an hour, and none that was taken away."""

from __future__ import annotations

from tollhouse.ports import Database, Statement

HOUR_MS = 3_600_000

_MAKE = """
INSERT INTO users (id, tenant, is_virtual, created_at, made_by)
SELECT CAST($1 AS text), CAST($2 AS text), 0, CAST($3 AS bigint), CAST($4 AS text)
WHERE NOT EXISTS (SELECT 1 FROM users_gone WHERE id = $1)
AND (SELECT COUNT(*) FROM users WHERE made_by = $4 AND created_at > CAST($3 AS bigint) - 3600000) < CAST($5 AS bigint)
ON CONFLICT (id) DO NOTHING
"""
_OPEN = """
INSERT INTO accounts (owner) SELECT 'user:' || id FROM users WHERE id = $1 ON CONFLICT (owner) DO NOTHING
"""
_GONE = "SELECT id FROM users_gone"


def making(user: str, tenant: str, issuer: str, most: int, now_ms: int) -> list[Statement]:
    """The first one counts nothing where the user is there, was taken away, or the hour is used up."""
    return [(_MAKE, (user, tenant, now_ms, issuer, most)), (_OPEN, (user,))]


async def gone(database: Database) -> frozenset[str]:
    """Who was deleted, and not made again since."""
    return frozenset([user for (user,) in await database.read(_GONE)])

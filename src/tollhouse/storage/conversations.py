"""An account for each conversation of a key that has a ceiling for them, opened by its first call."""

from __future__ import annotations

from tollhouse.ports import Database

MARK = "?conversation="

_FIND = "SELECT id, limit_nanos FROM accounts WHERE owner = $1"
_OPEN = """
INSERT INTO accounts (owner, has_budget, limit_nanos) VALUES ($1, 1, $2) ON CONFLICT (owner) DO NOTHING
"""
_LIMIT = "UPDATE accounts SET limit_nanos = $1 WHERE owner = $2"


async def account(database: Database, key: str, conversation: str, limit: int) -> int:
    """The same for every call of it, whoever opens it; its limit is that of the key now."""
    owner = f"key:{key}{MARK}{conversation}"
    rows = await database.read(_FIND, owner)
    if not rows:
        await database.write((_OPEN, (owner, limit)))
        rows = await database.read(_FIND, owner)
    ((number, known),) = rows
    if known != limit:
        await database.write((_LIMIT, (limit, owner)))
    return int(number)

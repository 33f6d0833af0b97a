"""Passwords of users: of each a hash, since when it holds, and when somebody last came in by it."""

from __future__ import annotations

from dataclasses import dataclass

from tollhouse.domain.passwords import Kept
from tollhouse.ports import Database, Statement

_SET = """
INSERT INTO passwords (user_id, password, pepper, set_at, used_at) VALUES ($1, $2, $3, $4, NULL)
ON CONFLICT (user_id) DO UPDATE SET password = excluded.password, pepper = excluded.pepper, set_at = excluded.set_at
"""
_REMOVE = "DELETE FROM passwords WHERE user_id = $1"
_USED = "UPDATE passwords SET used_at = $1 WHERE user_id = $2"
_RENEW = "UPDATE passwords SET password = $1, pepper = $2 WHERE user_id = $3 AND password = $4"
_ACCOUNT = """
SELECT p.password, p.pepper,
    CASE WHEN u.is_disabled = 0 AND t.is_disabled = 0 THEN 0 ELSE 1 END,
    (SELECT r.at FROM revocations AS r WHERE r.issuer = $1 AND r.id = '' AND r.subject = u.id)
FROM passwords AS p JOIN users AS u ON u.id = p.user_id JOIN tenants AS t ON t.id = u.tenant
WHERE u.id = $2
"""
_PEPPERS = "SELECT pepper, COUNT(*) FROM passwords GROUP BY pepper ORDER BY pepper"


@dataclass(frozen=True, slots=True)
class Account:
    """What is known of a user who has a password."""

    kept: Kept
    is_disabled: bool
    revoked_at_ms: int | None
    """Tokens about the user from before that moment were taken back."""


async def account(database: Database, user: str, issuer: str) -> Account | None:
    rows = await database.read(_ACCOUNT, issuer, user)
    if not rows:
        return None
    text, pepper, is_disabled, revoked_at_ms = rows[0]
    return Account(Kept(text, pepper), bool(is_disabled), revoked_at_ms)


def setting(user: str, kept: Kept, now_ms: int) -> Statement:
    return _SET, (user, kept.text, kept.pepper, now_ms)


def removing(user: str) -> Statement:
    return _REMOVE, (user,)


def used(user: str, now_ms: int) -> Statement:
    return _USED, (now_ms, user)


def renewing(user: str, old: Kept, new: Kept) -> Statement:
    """Where it is still the same password: one that was set meanwhile stays."""
    return _RENEW, (new.text, new.pepper, user, old.text)


async def by_pepper(database: Database) -> dict[int, int]:
    """How many stand on each."""
    return {int(pepper): int(count) for pepper, count in await database.read(_PEPPERS)}

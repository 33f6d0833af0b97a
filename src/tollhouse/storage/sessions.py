"""Who is logged on to the console, links that let in once, and logins on their way. No secret, only digests."""

from __future__ import annotations

import json
from dataclasses import dataclass

from tollhouse.domain.admin_tokens import Claims
from tollhouse.domain.operations import Role
from tollhouse.domain.sessions import Held
from tollhouse.ports import Database, Row, Statement


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    id: str
    name: str
    """Of who acts."""

    claims: Claims
    """What may be done by it at most."""

    given: Held = ()
    """What the provider's rule gives beside what the store does."""

    held: str = ""
    """A digest of what its user held when it began."""

    issuer: str = ""
    subject: str = ""
    rules: str = ""
    """A digest of the rules by which it was let in."""

    peer: str
    created_at_ms: int
    last_used_at_ms: int
    expires_at_ms: int
    ended_at_ms: int | None = None
    ended_by: str | None = None


@dataclass(frozen=True, slots=True)
class Claim:
    claims: Claims
    made_by: str
    expires_at_ms: int


@dataclass(frozen=True, slots=True)
class Login:
    """One that went to a provider: the browser that it came from, and the session that it replaces."""

    state: str
    browser: str
    issuer: str
    previous: str
    expires_at_ms: int


_COLUMNS = """
SELECT id, name, user_id, role, place, operations, given, held, issuer, subject, rules, peer,
created_at, last_used_at, expires_at, ended_at, ended_by FROM sessions
"""
_LIST = _COLUMNS + "ORDER BY id"
_ONE = _COLUMNS + "WHERE id = $1"
_SHOWN = _COLUMNS + "WHERE digest = $1"
_ADD = """
INSERT INTO sessions (id, digest, name, user_id, role, place, operations, given, held, issuer, subject, rules, peer,
created_at, last_used_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
"""
_FORGET = "DELETE FROM sessions WHERE expires_at < $1"
_END = "UPDATE sessions SET ended_at = $1, ended_by = $2 WHERE id = $3 AND ended_at IS NULL"
_TOUCH = "UPDATE sessions SET last_used_at = $1 WHERE id = $2 AND last_used_at < $3"
_ADD_CLAIM = """
INSERT INTO claims (digest, user_id, role, place, operations, made_by, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7)
"""
_CLAIM = """
SELECT user_id, role, place, operations, made_by, expires_at FROM claims WHERE digest = $1
"""
_USE_CLAIM = "DELETE FROM claims WHERE digest = $1"
_FORGET_CLAIMS = "DELETE FROM claims WHERE expires_at < $1"
_ADD_LOGIN = """
INSERT INTO logins (state, browser, issuer, previous, expires_at) VALUES ($1, $2, $3, $4, $5)
"""
_LOGIN = """
SELECT state, browser, issuer, previous, expires_at FROM logins WHERE state = $1
"""
_COUNT_LOGINS = "SELECT COUNT(*) FROM logins"
_USE_LOGIN = "DELETE FROM logins WHERE state = $1"
_FORGET_LOGINS = "DELETE FROM logins WHERE expires_at < $1"


def adding(row: Session, digest: str, forget_before_ms: int) -> list[Statement]:
    """What has been over for long is forgotten on the way."""
    values = (
        *(row.id, digest, row.name, *_claims(row.claims), json.dumps(row.given), row.held),
        *(row.issuer, row.subject, row.rules, row.peer),
        *(row.created_at_ms, row.last_used_at_ms, row.expires_at_ms),
    )
    return [(_ADD, values), (_FORGET, (forget_before_ms,))]


async def sessions(database: Database) -> list[Session]:
    return [_session(row) for row in await database.read(_LIST)]


async def session(database: Database, session_id: str) -> Session | None:
    rows = await database.read(_ONE, session_id)
    return _session(rows[0]) if rows else None


async def shown(database: Database, digest: str) -> Session | None:
    """The one that a browser shows."""
    rows = await database.read(_SHOWN, digest)
    return _session(rows[0]) if rows else None


async def end(database: Database, session_id: str, by: str, now_ms: int) -> bool:
    """False when there is no such session, or it ended before."""
    (changed,) = await database.write((_END, (now_ms, by, session_id)))
    return changed == 1


async def touch(database: Database, session_id: str, now_ms: int, before_ms: int) -> None:
    """Note a use, if the last one that was noted is from before a moment."""
    await database.write((_TOUCH, (now_ms, session_id, before_ms)))


async def add_claim(database: Database, digest: str, claim: Claim, now_ms: int) -> None:
    values = (digest, *_claims(claim.claims), claim.made_by, claim.expires_at_ms)
    await database.write((_ADD_CLAIM, values), (_FORGET_CLAIMS, (now_ms,)))


async def used_claim(database: Database, digest: str) -> Claim | None:
    """Once: of two who use it at the same moment, one gets it."""
    rows = await database.read(_CLAIM, digest)
    (used,) = await database.write((_USE_CLAIM, (digest,)))
    if not rows or used != 1:
        return None
    user, role, place, operations, made_by, expires_at = rows[0]
    claims = Claims(user, Role(role), place, tuple(json.loads(operations)))
    return Claim(claims, made_by, expires_at)


async def add_login(database: Database, login: Login, now_ms: int) -> None:
    values = (login.state, login.browser, login.issuer, login.previous, login.expires_at_ms)
    await database.write((_FORGET_LOGINS, (now_ms,)), (_ADD_LOGIN, values))


async def count_logins(database: Database) -> int:
    ((count,),) = await database.read(_COUNT_LOGINS)
    return int(count)


async def used_login(database: Database, state: str) -> Login | None:
    """Once, as a claim."""
    rows = await database.read(_LOGIN, state)
    (used,) = await database.write((_USE_LOGIN, (state,)))
    return Login(*rows[0]) if rows and used == 1 else None


def _claims(claims: Claims) -> tuple[str, str, str, str]:
    return claims.user, claims.role.value, claims.at, json.dumps(claims.operations)


def _session(row: Row) -> Session:
    (session_id, name, user, role, place, operations, given, held, issuer, subject, *rest) = row
    rules, peer, created_at, last_used_at, expires_at, ended_at, ended_by = rest
    return Session(
        id=session_id,
        name=name,
        claims=Claims(user, Role(role), place, tuple(json.loads(operations))),
        given=tuple((each[0], each[1]) for each in json.loads(given)),
        held=held,
        issuer=issuer,
        subject=subject,
        rules=rules,
        peer=peer,
        created_at_ms=created_at,
        last_used_at_ms=last_used_at,
        expires_at_ms=expires_at,
        ended_at_ms=ended_at,
        ended_by=ended_by,
    )

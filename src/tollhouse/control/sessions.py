"""Sessions of the console: begun, looked at with each request, and ended.

A session is worth what its user is at this moment. It ends by its time, unused, when it is ended; and when its user is
shut out or gone, holds other roles than when it began, or would not be let in by the same rules again.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field

from tollhouse.control import admin_tokens
from tollhouse.control.keys import draw
from tollhouse.domain import admin_tokens as tokens
from tollhouse.domain import sessions as values
from tollhouse.domain.admin_tokens import Claims
from tollhouse.domain.errors import FieldInvalid, LoginRefused, SessionOver
from tollhouse.domain.roles import Actor, Grant
from tollhouse.domain.sessions import CLAIM, SECRET_BYTES, SESSION, Front, Held, Terms
from tollhouse.domain.storing import Conflict
from tollhouse.ports import Database
from tollhouse.storage import people
from tollhouse.storage import sessions as stored
from tollhouse.storage.sessions import Claim, Session

ID_LENGTH = 12
TOUCH_EVERY_MS = 60_000
KEPT_MS = 30 * 86_400_000
"""So long it is listed after its end."""

LONGEST_CLAIM_S = 3600


@dataclass(frozen=True, slots=True)
class Admission:
    front: Front
    terms: Terms
    rules: Mapping[str, str] = field(default_factory=dict)
    """Of each provider by which one logs on: a digest of what it lets in."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """Who logs on, and what proved it."""

    name: str
    claims: Claims
    proof: str
    given: Held = ()
    issuer: str = ""
    subject: str = ""


@dataclass(frozen=True, slots=True)
class Begun:
    """The only moment at which its secret is seen."""

    id: str
    secret: str
    expires_at_ms: int

    def __repr__(self) -> str:
        return f"Begun(id={self.id!r})"


async def begin(
    database: Database, at: Admission, who: Arrival, peer: str, now_ms: int, previous: str = ""
) -> Begun:
    """A new secret, whatever the browser showed before; `previous` ends. Raises LoginRefused."""
    held = await _held(database, who.claims.user)
    if held is None:
        raise LoginRefused(private=f"there is no user {who.claims.user} who is let in")
    begun = Begun(draw(ID_LENGTH), drawn(SESSION), now_ms + at.terms.longest_s * 1000)
    row = Session(
        id=begun.id,
        name=who.name,
        claims=who.claims,
        given=who.given,
        held=values.held_digest(held),
        issuer=who.issuer,
        subject=who.subject,
        rules=at.rules.get(who.issuer, ""),
        peer=peer,
        created_at_ms=now_ms,
        last_used_at_ms=now_ms,
        expires_at_ms=begun.expires_at_ms,
    )
    if previous:
        await stored.end(database, previous, "a new login", now_ms)
    await database.write(*stored.adding(row, values.digest(begun.secret), now_ms - KEPT_MS))
    return begun


async def actor(
    database: Database, at: Admission, secret: str, peer: str, now_ms: int
) -> tuple[Actor, Session]:
    """Who comes with a session, and what it is. Raises SessionOver, and whatever ended it, in the same words."""
    row = None
    if values.is_secret(secret, SESSION):
        row = await stored.shown(database, values.digest(secret))
    if row is None:
        raise SessionOver
    if row.ended_at_ms is not None or not now_ms < row.expires_at_ms:
        raise SessionOver(private="it ended, or its time is over")
    held = await _held(database, row.claims.user)
    over = await _why_over(database, at, row, held, now_ms)
    if over is not None or held is None:
        await stored.end(database, row.id, over or "", now_ms)
        raise SessionOver(private=over)
    every_ms = min(TOUCH_EVERY_MS, at.terms.idle_s * 250)
    await stored.touch(database, row.id, now_ms, now_ms - every_ms)
    ceiling, user = row.claims.ceiling, row.claims.user
    grants: tuple[Grant, ...] = values.grants((*held, *row.given)) if user else (ceiling,)
    token = f"session:{row.id}"
    only = row.claims.operations
    return Actor(
        row.name, "api", grants, user=user, token=token, peer=peer, ceiling=ceiling, only=only
    ), row


async def listed(database: Database) -> list[Session]:
    return await stored.sessions(database)


async def revoke(database: Database, session_id: str, by: str, now_ms: int) -> None:
    """It opens nothing from the next request on, wherever that is made."""
    if not await stored.end(database, session_id, by, now_ms):
        raise Conflict(f"there is no session {session_id[:40]!r} that could be ended")


async def claim(database: Database, claims: Claims, ttl_s: int, by: str, now_ms: int) -> Begun:
    """What a link has in it that lets in once. Whoever sits at the machine makes it."""
    if not 0 < ttl_s <= LONGEST_CLAIM_S:
        raise FieldInvalid("A claim is good for up to an hour.", param="ttl")
    await admin_tokens.insist_on(database, claims)
    secret = drawn(CLAIM)
    digest = values.digest(secret)
    row = Claim(claims, by, now_ms + ttl_s * 1000)
    await stored.add_claim(database, digest, row, now_ms)
    return Begun(digest[: tokens.ID_LENGTH], secret, row.expires_at_ms)


async def claimed(database: Database, secret: str, now_ms: int) -> Arrival:
    """Once. Raises LoginRefused."""
    if not values.is_secret(secret, CLAIM):
        raise LoginRefused(private="it is no claim")
    found = await stored.used_claim(database, values.digest(secret))
    if found is None or not now_ms < found.expires_at_ms:
        raise LoginRefused(private="the claim was used, is too old, or never was")
    return Arrival(found.claims.user or found.made_by, found.claims, "claim")


def drawn(kind: str) -> str:
    return kind + secrets.token_hex(SECRET_BYTES)


def state(row: Session, terms: Terms, now_ms: int) -> str:
    if row.ended_at_ms is not None:
        return f"ended: {row.ended_by}"
    if not now_ms < row.expires_at_ms:
        return "expired"
    return "idle" if _is_idle(row, terms, now_ms) else "open"


async def _why_over(
    database: Database, at: Admission, row: Session, held: Held | None, now_ms: int
) -> str | None:
    if _is_idle(row, at.terms, now_ms):
        return "unused"
    if held is None:
        return "its user is gone or shut out"
    if values.held_digest(held) != row.held:
        return "its user has other roles"
    if not row.issuer:
        return None
    if at.rules.get(row.issuer) != row.rules:
        return "the rules of its provider are others"
    taken_back = await people.revocations(database, row.issuer)
    if any(it.subject == row.subject and row.created_at_ms <= it.at_ms for it in taken_back):
        return "its subject was taken back"
    return None


def _is_idle(row: Session, terms: Terms, now_ms: int) -> bool:
    return now_ms >= row.last_used_at_ms + terms.idle_s * 1000


async def _held(database: Database, user: str) -> Held | None:
    """Nobody's holds nothing, and is not shut out."""
    return await admin_tokens.held_by(database, user) if user else ()

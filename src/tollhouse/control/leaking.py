"""What of ours lies in a text, what it still opens, and the act that ends that.

Only who holds the secret itself is believed: an id is public, and whoever writes one shuts nobody out. What is told
are ids, never a secret.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from hashlib import sha256
from hmac import compare_digest
from typing import Any

from tollhouse.control import admin_tokens, keys
from tollhouse.control.peppers import Peppers
from tollhouse.domain import admin_tokens as tokens
from tollhouse.domain import credentials, leaks
from tollhouse.domain.admin_tokens import TokenRefused
from tollhouse.domain.credentials import Digest
from tollhouse.domain.errors import FieldInvalid
from tollhouse.ports import Books, Database
from tollhouse.storage.keys import KeyRow, Secrets, secrets
from tollhouse.storage.tokens import token as token_row


@dataclass(frozen=True, slots=True)
class Leak:
    """`operation` ends it; nothing where it opened nothing any more."""

    kind: str
    """`key`, `old secret` of a key, or `admin token`."""

    id: str
    state: str
    operation: str = ""
    arguments: dict[str, str] | None = None
    work: Callable[[Books], Awaitable[Any]] | None = None


async def leaked(
    database: Database, peppers: Peppers, text: str, now_ms: int
) -> AsyncIterator[Leak]:
    """Each once. Raises FieldInvalid for a text that is too long to be looked through."""
    if len(text) > leaks.MOST:
        raise FieldInvalid(f"A text has up to {leaks.MOST} characters.", param="text")
    rows = {row.id: row for row in await keys.listed(database)}
    kept = await secrets(database)
    seen: set[tuple[str, str, str]] = set()
    for leak in _keys(text, kept, rows, peppers, now_ms):
        told = (leak.kind, leak.id, leak.operation)
        if told not in seen:
            seen.add(told)
            yield leak
    for token in leaks.admin_tokens(text):
        found = await _token(database, peppers, token, now_ms)
        if found is not None:
            yield found


def _keys(
    text: str, kept: dict[str, Secrets], rows: dict[str, KeyRow], peppers: Peppers, now_ms: int
) -> list[Leak]:
    found = []
    for key in leaks.keys(text):
        key_id = credentials.claimed_id(key) or ""
        if key_id in kept:
            found.append(_key(key, kept[key_id], rows[key_id], peppers, now_ms))
    foreign = {each.foreign: key for key, each in kept.items() if each.foreign}
    if foreign:
        found += [
            _ending(rows[foreign[digest]], keys.state(rows[foreign[digest]], now_ms))
            for word in leaks.foreign_keys(text)
            for digest in _digests(word, peppers)
            if digest in foreign
        ]
    return found


def _key(key: str, kept: Secrets, row: KeyRow, peppers: Peppers, now_ms: int) -> Leak:
    state = keys.state(row, now_ms)
    if _is_of(key, kept.current, peppers):
        return _ending(row, state)
    if _is_of(key, kept.previous, peppers):
        is_over = (row.previous_until_ms or 0) <= now_ms
        return _retiring(row, "expired" if is_over else state)
    return Leak("old secret", row.id, "revoked" if row.is_revoked else "rotated")


def _ending(row: KeyRow, state: str) -> Leak:
    """Also where it is disabled or expired, which may be undone."""

    async def revoke(store: Books) -> None:
        await keys.revoke(store, row.id)

    return Leak("key", row.id, state, "keys.revoke", {"key": row.id}, revoke)


def _retiring(row: KeyRow, state: str) -> Leak:
    """The key lives on with the secret that did not leak."""

    async def retire(store: Books) -> None:
        await keys.retire(store, row.id)

    return Leak("old secret", row.id, state, "keys.retire", {"key": row.id}, retire)


async def _token(database: Database, peppers: Peppers, token: str, now_ms: int) -> Leak | None:
    try:
        token_id = tokens.proved(token, peppers.versions, now_ms / 1000)
    except TokenRefused:
        return None
    row = await token_row(database, token_id)
    if row is None or row.revoked_at_ms is not None:
        return Leak("admin token", token_id, "unknown" if row is None else "revoked")

    async def revoke(store: Books) -> None:
        await admin_tokens.revoke(store, token_id, now_ms)

    return Leak("admin token", token_id, "active", "admin.revoke", {"token": token_id}, revoke)


def _is_of(key: str, kept: Digest | None, peppers: Peppers) -> bool:
    pepper = peppers.versions.get(kept.pepper) if kept else None
    if kept is None or pepper is None:
        return False
    return compare_digest(credentials.digest(key, pepper), kept.value)


def _digests(word: str, peppers: Peppers) -> list[bytes]:
    """As keys of other gateways are kept, under each pepper."""
    digest = sha256(word.encode()).hexdigest()
    return [credentials.digest(digest, pepper) for pepper in peppers.versions.values()]

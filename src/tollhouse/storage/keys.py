"""Virtual keys as they are stored: a digest and what it may do, never the key."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tollhouse.domain.credentials import Digest
from tollhouse.domain.identity import Naming, Priority
from tollhouse.ports import Database, Row, Statement
from tollhouse.storage import repeats


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key to be stored."""

    id: str
    tenant: str
    project: str
    user: str
    name: str
    tail: str
    digest: Digest
    models: tuple[str, ...]
    expires_at_ms: int | None
    priority: Priority = Priority.NORMAL
    foreign: Digest | None = None
    """Of a key that another gateway gave out: of the digest that it kept."""

    networks: tuple[str, ...] = ()
    purposes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class KeyRow:
    """A key as it is listed.

    `is_disabled` is the key's own switch, `is_blocked` that of its tenant, project or user;
    a revoked key has no digest any more.
    """

    id: str
    tenant: str
    project: str
    user: str
    name: str
    tail: str
    models: tuple[str, ...]
    is_disabled: bool
    is_blocked: bool
    is_revoked: bool
    expires_at_ms: int | None
    created_at_ms: int
    last_used_at_ms: int | None
    previous_until_ms: int | None
    priority: Priority
    is_exempt: bool
    foreign_users: Naming | None
    conversation_limit: int | None
    notes: str
    """What is kept beside a key, as JSON. Nothing is decided on it."""

    networks: tuple[str, ...]
    purposes: tuple[str, ...]
    """Where it may be used from, and what for; nothing is everywhere, and everything."""

    rotated_at_ms: int | None
    previous_used_at_ms: int | None
    """When the secret from before the last rotation was last used since."""

    certificates: tuple[str, ...] = ()
    proof_key: str = ""
    """What its bearer has to show or prove beside it."""

    hours: str = ""
    """When it may be used; nothing is always."""


@dataclass(frozen=True, slots=True)
class Secrets:
    """What tells whether a secret is one of a key's."""

    current: Digest | None
    previous: Digest | None
    foreign: bytes | None


_ADD = """
INSERT INTO keys (id, tenant, project, user_id, name, tail, pepper, digest, models, expires_at, created_at,
    priority, foreign_pepper, foreign_digest, networks, purposes)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
"""
_LIST = """
SELECT k.id, k.tenant, k.project, k.user_id, k.name, k.tail, k.models, k.is_disabled,
    CASE WHEN t.is_disabled + p.is_disabled + u.is_disabled > 0 THEN 1 ELSE 0 END,
    CASE WHEN k.digest = '' THEN 1 ELSE 0 END, k.expires_at, k.created_at, k.last_used_at, k.previous_until,
    k.priority, k.is_exempt, k.foreign_users, k.conversation_limit, k.notes,
    k.networks, k.purposes, k.rotated_at, k.previous_used_at,
    k.certificates, k.proof_key, k.hours
FROM keys AS k JOIN tenants AS t ON t.id = k.tenant JOIN projects AS p ON p.id = k.project
    JOIN users AS u ON u.id = k.user_id
WHERE $1 IN ('', k.tenant) AND $2 IN ('', k.id) ORDER BY k.created_at, k.id
"""
_IMPORTED = "SELECT foreign_digest, id FROM keys WHERE foreign_digest IS NOT NULL"
_SECRETS = "SELECT id, pepper, digest, previous_pepper, previous_digest, foreign_digest FROM keys"
_COUNT = "SELECT COUNT(*) FROM keys"
_GRANT = "UPDATE keys SET models = $1 WHERE id = $2 AND models = $3"
_DESCRIBE = "UPDATE keys SET name = $1, notes = $2 WHERE id = $3"
_EXPIRE = "UPDATE keys SET expires_at = $1 WHERE id = $2"
_PRIORITIZE = "UPDATE keys SET priority = $1 WHERE id = $2"
_CONFINE = "UPDATE keys SET networks = $1, purposes = $2, hours = $3 WHERE id = $4"
_BIND = "UPDATE keys SET certificates = $1, proof_key = $2 WHERE id = $3"
_RETIRE = """
UPDATE keys SET previous_pepper = NULL, previous_digest = NULL, previous_until = NULL,
    foreign_pepper = NULL, foreign_digest = NULL
WHERE id = $1 AND previous_until IS NOT NULL
"""
_DISABLE = "UPDATE keys SET is_disabled = $1 WHERE id = $2"
_REVOKE = """
UPDATE keys SET is_disabled = 1, digest = '', previous_pepper = NULL, previous_digest = NULL, previous_until = NULL,
    foreign_pepper = NULL, foreign_digest = NULL
WHERE id = $1
"""
_TOUCH = """
UPDATE keys SET last_used_at = $1 WHERE id = $2 AND (last_used_at IS NULL OR last_used_at < $3)
"""

# What is noted late may be of a secret that was current when it was used, or of one that is gone since.
_TOUCH_PREVIOUS = """
UPDATE keys SET previous_used_at = $1
WHERE id = $2 AND rotated_at <= $3 AND (previous_used_at IS NULL OR previous_used_at < $4)
"""

# What was current becomes the previous one, and a foreign digest was current until the first rotation; without a
# grace window nothing of it is kept.
_ROTATE_WITH_GRACE = """
UPDATE keys SET previous_pepper = pepper, previous_digest = digest, previous_until = $1,
    pepper = $2, digest = $3, tail = $4, expires_at = $5,
    foreign_digest = CASE WHEN previous_until IS NULL THEN foreign_digest END,
    rotated_at = $6, previous_used_at = NULL
WHERE id = $7
"""
_ROTATE_AT_ONCE = """
UPDATE keys SET previous_pepper = NULL, previous_digest = NULL, previous_until = NULL,
    pepper = $1, digest = $2, tail = $3, expires_at = $4, foreign_pepper = NULL, foreign_digest = NULL,
    rotated_at = $5, previous_used_at = NULL
WHERE id = $6
"""


def adding(key: NewKey, now_ms: int) -> Statement:
    owners = (key.id, key.tenant, key.project, key.user, key.name, key.tail)
    digest = (key.digest.pepper, key.digest.value.hex())
    models = json.dumps(key.models)
    foreign = (key.foreign.pepper, key.foreign.value.hex()) if key.foreign else (None, None)
    rest = (models, key.expires_at_ms, now_ms, key.priority.value, *foreign)
    return _ADD, (*owners, *digest, *rest, *_listed(key.networks, key.purposes))


async def imported(database: Database) -> dict[bytes, str]:
    """The keys that another gateway gave out, by what is kept of its digest."""
    return {bytes.fromhex(digest): key for digest, key in await database.read(_IMPORTED)}


async def keys(database: Database, tenant: str = "", key: str = "") -> list[KeyRow]:
    """All keys, of one tenant or of all; the oldest first."""
    return [_key(row) for row in await database.read(_LIST, tenant, key)]


async def secrets(database: Database) -> dict[str, Secrets]:
    """Of all keys, by their ids."""
    return {
        key: Secrets(
            _digest(pepper, value),
            _digest(before, old),
            bytes.fromhex(foreign) if foreign else None,
        )
        for key, pepper, value, before, old, foreign in await database.read(_SECRETS)
    }


async def is_empty(database: Database) -> bool:
    ((count,),) = await database.read(_COUNT)
    return bool(count == 0)


async def set_models(
    database: Database, key: str, models: Sequence[str], before: Sequence[str]
) -> bool:
    """False when the grants are not those of `before`: someone else was quicker."""
    values = (json.dumps(list(models)), key, json.dumps(list(before)))
    (changed,) = await database.write((_GRANT, values))
    return changed == 1


async def describe(database: Database, key: str, name: str, notes: str) -> None:
    await database.write((_DESCRIBE, (name, notes, key)))


async def set_expiry(database: Database, key: str, expires_at_ms: int | None) -> None:
    await database.write((_EXPIRE, (expires_at_ms, key)))


async def confine(
    database: Database, key: str, networks: Sequence[str], purposes: Sequence[str], hours: str
) -> None:
    await database.write((_CONFINE, (*_listed(networks, purposes), hours or None, key)))


async def bind(database: Database, key: str, certificates: Sequence[str], proof_key: str) -> None:
    await database.write((_BIND, (*_listed(certificates), proof_key or None, key)))


async def retire(database: Database, key: str) -> None:
    """The secret from before the last rotation dies, and with it one of another gateway."""
    await database.write((_RETIRE, (key,)))


async def set_disabled(database: Database, key: str, *, is_disabled: bool) -> bool:
    """False when there is no such key."""
    (changed,) = await database.write((_DISABLE, (int(is_disabled), key)))
    return changed == 1


async def set_priority(database: Database, key: str, priority: Priority) -> bool:
    """False when there is no such key."""
    (changed,) = await database.write((_PRIORITIZE, (priority.value, key)))
    return changed == 1


async def revoke(database: Database, key: str) -> bool:
    """Destroy the digests, and what is kept to be answered again: the record stays, and nothing opens it again."""
    changed, _ = await database.write((_REVOKE, (key,)), repeats.forgetting(key))
    return changed == 1


async def replace_secret(
    database: Database,
    key: str,
    digest: Digest,
    tail: str,
    expires_at_ms: int | None,
    previous_until_ms: int | None,
    now_ms: int,
) -> bool:
    """Put a new secret under the same id; the old one lives until `previous_until_ms`, if given."""
    fresh = (digest.pepper, digest.value.hex(), tail, expires_at_ms, now_ms, key)
    if previous_until_ms is None:
        (changed,) = await database.write((_ROTATE_AT_ONCE, fresh))
    else:
        (changed,) = await database.write((_ROTATE_WITH_GRACE, (previous_until_ms, *fresh)))
    return changed == 1


async def touch(database: Database, used_at_ms: Mapping[str, int]) -> None:
    """Note when keys were last used; never back in time."""
    await database.write(*((_TOUCH, (at, key, at)) for key, at in used_at_ms.items()))


async def touch_previous(database: Database, used_at_ms: Mapping[str, int]) -> None:
    """Note when secrets from before a rotation were last used."""
    await database.write(*((_TOUCH_PREVIOUS, (at, key, at, at)) for key, at in used_at_ms.items()))


def _listed(*texts: Sequence[str]) -> tuple[str | None, ...]:
    """Nothing is kept where there is nothing to say."""
    return tuple(json.dumps(list(each)) if each else None for each in texts)


def _digest(pepper: int | None, value: str | None) -> Digest | None:
    return Digest(pepper, bytes.fromhex(value)) if pepper is not None and value else None


def _key(row: Row) -> KeyRow:
    key, tenant, project, user, name, tail, models = row[:7]
    is_disabled, is_blocked, is_revoked, expires_at, created_at, last_used_at, until = row[7:14]
    priority, is_exempt, naming, ceiling, notes = row[14:19]
    networks, purposes, rotated_at, previous_used_at, certificates, proof_key, hours = row[19:]
    return KeyRow(
        *(key, tenant, project, user, name, tail, tuple(json.loads(models))),
        *(bool(is_disabled), bool(is_blocked), bool(is_revoked)),
        *(expires_at, created_at, last_used_at, until),
        priority=Priority(priority),
        is_exempt=bool(is_exempt),
        foreign_users=Naming(naming) if naming else None,
        conversation_limit=ceiling,
        notes=notes,
        networks=tuple(json.loads(networks or "[]")),
        purposes=tuple(json.loads(purposes or "[]")),
        rotated_at_ms=rotated_at,
        previous_used_at_ms=previous_used_at,
        certificates=tuple(json.loads(certificates or "[]")),
        proof_key=proof_key or "",
        hours=hours or "",
    )

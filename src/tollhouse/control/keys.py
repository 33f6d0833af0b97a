"""Virtual keys: issued once in clear, rotated, revoked."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tollhouse.control import granting
from tollhouse.control.peppers import Peppers
from tollhouse.control.tenancy import DEFAULT_PROJECT
from tollhouse.domain import bounds, credentials
from tollhouse.domain.errors import FieldInvalid
from tollhouse.domain.identity import Priority
from tollhouse.domain.lifetimes import DAY_S, FOR_EVER, USUAL_S, Lifetimes
from tollhouse.domain.storing import Conflict
from tollhouse.ports import Database, Statement
from tollhouse.storage import budgets, keys, tenancy
from tollhouse.storage.keys import KeyRow, NewKey
from tollhouse.storage.tenancy import Kind

LONGEST_GRACE_S = 30 * DAY_S
TAIL_LENGTH = 4
TOUCH_EVERY_S = 60
NONE: Mapping[str, int] = {}

Draw = Callable[[int], str]


def draw(length: int) -> str:
    """So many characters of a key's alphabet, from the system's randomness."""
    return "".join(secrets.choice(credentials.ALPHABET) for _ in range(length))


@dataclass(frozen=True, slots=True)
class Foreign:
    """What another gateway kept of a key: its SHA-256 in hexadecimal, and its last letters if it has them."""

    digest: str
    tail: str = ""


@dataclass(frozen=True, slots=True)
class Wish:
    """The key that is wanted. Without a user, one is made that stands for the key."""

    tenant: str
    name: str
    project: str = DEFAULT_PROJECT
    user: str | None = None
    models: tuple[str, ...] = ()
    expires_in_s: int | None = USUAL_S
    expires_at_ms: int | None = None
    """The very moment, if it is known; it goes before the span."""

    limit: int | None = None
    """In nano-dollars; None leaves the budget to the tenant, project or user."""

    priority: Priority = Priority.NORMAL
    foreign: Foreign | None = None
    """The key that another gateway gave out, which opens it until it is rotated."""

    networks: tuple[str, ...] = ()
    purposes: tuple[str, ...] = ()
    """Where it may be used from, and what for; nothing is everywhere, and everything."""


@dataclass(frozen=True, slots=True)
class Issued:
    """The only moment at which the key is seen in clear."""

    id: str
    key: str
    expires_at_ms: int | None

    def __repr__(self) -> str:
        return f"Issued(id={self.id!r})"


async def issue(
    database: Database,
    peppers: Peppers,
    wish: Wish,
    now_ms: int,
    draw: Draw = draw,
    *,
    lifetimes: Lifetimes = FOR_EVER,
) -> Issued:
    """Store the digest of a new key and its account, and a virtual user if none is named."""
    project, user = await _owners(database, wish)
    await granting.insist_on_allowed(database, user, granting.patterns(wish.models))
    key_id = draw(credentials.ID_LENGTH)
    key = credentials.assemble(key_id, draw(credentials.SECRET_LENGTH))
    wanted = wish.expires_at_ms or expiry(wish.expires_in_s, now_ms)
    expires_at = lifetimes.end_ms(wanted, now_ms)
    new = NewKey(
        *(key_id, wish.tenant, project, user or f"{wish.tenant}/key-{key_id}", _named(wish.name)),
        *(_tail(key, wish), peppers.digest(key), granting.patterns(wish.models), expires_at),
        wish.priority,
        peppers.digest(wish.foreign.digest) if wish.foreign else None,
        *(bounds.read_networks(wish.networks), bounds.read_purposes(wish.purposes)),
    )
    virtual = _virtual_user(new, now_ms) if user is None else []
    await database.write(*virtual, keys.adding(new, now_ms), *_account(new, wish.limit))
    return Issued(key_id, key, expires_at)


async def listed(database: Database, tenant: str = "") -> list[KeyRow]:
    return await keys.keys(database, tenant)


async def imported(database: Database) -> dict[bytes, str]:
    """Those that another gateway gave out and nobody rotated, by what is kept of them."""
    return await keys.imported(database)


async def shown(database: Database, key: str) -> KeyRow:
    found = await keys.keys(database, key=_id(key))
    if not found:
        raise Conflict(f"there is no key {_id(key)!r}")
    return found[0]


async def set_disabled(database: Database, key: str, *, is_disabled: bool) -> None:
    row = await shown(database, key)
    if row.is_revoked and not is_disabled:
        raise Conflict(f"key {row.id} was revoked, which is for good: issue a new one")
    await keys.set_disabled(database, row.id, is_disabled=is_disabled)


async def describe(database: Database, key: str, name: str | None, notes: str | None) -> None:
    """Another name, or other notes beside it; None leaves what there is."""
    row = await shown(database, key)
    wanted = row.name if name is None else _named(name)
    await keys.describe(database, row.id, wanted, row.notes if notes is None else notes)


async def expire(
    database: Database,
    key: str,
    expires_at_ms: int | None,
    now_ms: int,
    lifetimes: Lifetimes = FOR_EVER,
) -> int | None:
    """Until when it lives, whatever was said before; None is without an end. When that is."""
    row = await shown(database, key)
    ends_at = lifetimes.end_ms(expires_at_ms, now_ms)
    await keys.set_expiry(database, row.id, ends_at)
    return ends_at


async def retire(database: Database, key: str) -> None:
    """The secret from before the last rotation dies now, whatever is left of its grace."""
    row = await shown(database, key)
    await keys.retire(database, row.id)


async def revoke(database: Database, key: str) -> None:
    """For good: its digest is destroyed. The record stays, for the calls that name it."""
    row = await shown(database, key)
    await keys.revoke(database, row.id)


async def rotate(
    database: Database,
    peppers: Peppers,
    key: str,
    now_ms: int,
    grace_s: int = 0,
    expires_in_s: int | None = USUAL_S,
    draw: Draw = draw,
    *,
    keeps_expiry: bool = False,
    lifetimes: Lifetimes = FOR_EVER,
) -> Issued:
    """A new secret under the same id. The old one dies at once, or after the grace window.

    The window never outlives the old secret's own expiry. A key that never expires stays so, where any may.
    """
    row = await shown(database, key)
    if row.is_revoked:
        raise Conflict(f"key {row.id} was revoked, which is for good: issue a new one")
    fresh = credentials.assemble(row.id, draw(credentials.SECRET_LENGTH))
    expires_at = row.expires_at_ms
    if expires_at is not None and not keeps_expiry:
        expires_at = lifetimes.end_ms(expiry(expires_in_s, now_ms), now_ms)
    expires_at = lifetimes.capped_ms(expires_at, now_ms)
    until = _grace_end(row, grace_s, now_ms)
    tail = fresh[-TAIL_LENGTH:]
    await keys.replace_secret(
        database, row.id, peppers.digest(fresh), tail, expires_at, until, now_ms
    )
    return Issued(row.id, fresh, expires_at)


async def touch(
    database: Database, used_at_ms: Mapping[str, int], previous_at_ms: Mapping[str, int] = NONE
) -> None:
    """Note when keys were last used, and their old secrets: gathered by the server, written every `TOUCH_EVERY_S`."""
    if used_at_ms:
        await keys.touch(database, used_at_ms)
    if previous_at_ms:
        await keys.touch_previous(database, previous_at_ms)


def state(row: KeyRow, now_ms: int) -> str:
    """`revoked`, `disabled`, `blocked` (by its tenant, project or user), `expired` or `active`."""
    if row.is_revoked:
        return "revoked"
    if row.is_disabled:
        return "disabled"
    if row.is_blocked:
        return "blocked"
    if row.expires_at_ms is not None and row.expires_at_ms <= now_ms:
        return "expired"
    return "active"


def _id(key: str) -> str:
    """An operator may name a key by its id or by its prefix."""
    return key.removeprefix("thk_")


def _tail(key: str, wish: Wish) -> str:
    return key[-TAIL_LENGTH:] if wish.foreign is None else wish.foreign.tail[-TAIL_LENGTH:]


async def _owners(database: Database, wish: Wish) -> tuple[str, str | None]:
    project = await _member(database, Kind.PROJECT, wish.tenant, wish.project)
    if wish.user is None:
        return project, None
    return project, await _member(database, Kind.USER, wish.tenant, wish.user)


async def _member(database: Database, kind: Kind, tenant: str, name: str) -> str:
    """A project or user of this tenant, by its name or its whole id."""
    wanted = name if name.startswith(f"{tenant}/") else f"{tenant}/{name}"
    if not any(member.id == wanted for member in await tenancy.members(database, kind, tenant)):
        raise Conflict(f"there is no {kind} {wanted!r}")
    return wanted


def _virtual_user(key: NewKey, now_ms: int) -> list[Statement]:
    adding = tenancy.adding_user(key.user, key.tenant, now_ms, is_virtual=True)
    return [adding, budgets.opening(f"{Kind.USER}:{key.user}")]


def _account(key: NewKey, limit: int | None) -> list[Statement]:
    owner = f"key:{key.id}"
    if limit is None:
        return [budgets.opening(owner)]
    return [budgets.opening(owner), budgets.limiting(owner, has_budget=True, limit=limit)]


def _named(name: str) -> str:
    if not name.isprintable() or not 0 < len(name.strip()) <= 100:
        raise FieldInvalid("A key's name has 1 to 100 printable characters.", param="name")
    return name.strip()


def expiry(expires_in_s: int | None, now_ms: int) -> int | None:
    """When a span from now is over; None is never. Raises FieldInvalid."""
    if expires_in_s is None:
        return None
    if not 0 < expires_in_s <= 3650 * DAY_S:
        raise FieldInvalid("A key lives for up to ten years, or never expires.", param="expires_in")
    return now_ms + expires_in_s * 1000


def _grace_end(row: KeyRow, grace_s: int, now_ms: int) -> int | None:
    if not 0 <= grace_s <= LONGEST_GRACE_S:
        raise FieldInvalid("A grace window is up to 30 days long.", param="grace")
    end = min(now_ms + grace_s * 1000, row.expires_at_ms or now_ms + grace_s * 1000)
    return end if end > now_ms else None

"""Secrets of providers that are kept in the store: set, wrapped anew by another key, removed; never told."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tollhouse.config import Settings
from tollhouse.config.problems import Unfit
from tollhouse.config.secrets import MAX_BYTES, StoredSecret, check
from tollhouse.domain.errors import FieldInvalid, InUse
from tollhouse.domain.storing import Conflict
from tollhouse.ports import Database
from tollhouse.storage import secrets
from tollhouse.storage.envelopes import Envelope, EnvelopeBroken, Wrapping
from tollhouse.storage.secrets import SecretRow

_is_name = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}").fullmatch


@dataclass(frozen=True, slots=True)
class Kept:
    """A row, and why it does not open; nothing where it does."""

    row: SecretRow
    flaw: str = ""


def wrapping(settings: Settings) -> Wrapping:
    """Raises Conflict where the settings name no key."""
    vault = settings.vault
    if not vault.keys:
        raise Conflict(
            "secrets in the store are wrapped by a key that the settings name: make one with `openssl rand "
            '-hex 32`, and set `keys = { 1 = "env:TOLLHOUSE_VAULT_KEY" }` under [vault]'
        )
    keys = {version: secret.reveal().encode() for version, secret in vault.keys.items()}
    return Wrapping(vault.key_version, keys)


async def put(database: Database, wrap: Wrapping, name: str, value: str, now_ms: int) -> SecretRow:
    """A new secret, or another value of one. Raises FieldInvalid, which repeats nothing of it."""
    if not _is_name(name):
        raise FieldInvalid("A secret's name has 1 to 64 of a-z, 0-9, _ and -.", param="name")
    _insist_on_sound(value, name)
    before = await secrets.secret(database, name)
    version = before.version + 1 if before else 1
    row = _row(wrap.seal(name, version, now_ms, value))
    if before is None:
        await secrets.add(database, row)
    elif not await secrets.replace(database, row, before.version):
        raise Conflict(f"the secret {name!r} was set at the same time: look, and set it again")
    return row


async def listed(database: Database, wrap: Wrapping | None) -> list[Kept]:
    """Each with what hinders it from being opened; without keys nobody knows."""
    return [Kept(row, _flaw(row, wrap)) for row in await secrets.secrets(database)]


async def rewrap(database: Database, wrap: Wrapping) -> list[Kept]:
    """Each that another key wraps is wrapped by the current one. Those that do not open stay as they are."""
    done = []
    for row in await secrets.secrets(database):
        if row.key_version == wrap.current:
            continue
        try:
            fresh = _row(wrap.rewrap(envelope(row)))
        except EnvelopeBroken as broken:
            done.append(Kept(row, str(broken)))
            continue
        if await secrets.rewrap(database, fresh, row):
            done.append(Kept(fresh))
    return done


async def remove(database: Database, settings: Settings, name: str) -> None:
    """Raises InUse while the settings name it."""
    users = [key for key, each in stored(settings) if each.name == name]
    if users:
        raise InUse(f"The settings name the secret {name!r}: {', '.join(users)}.")
    if not await secrets.remove(database, name):
        raise Conflict(f"there is no secret {name[:64]!r}")


def stored(settings: Settings) -> list[tuple[str, StoredSecret]]:
    """Those that the settings want from the store, with the key that each stands under."""
    return [(key, each) for key, each in settings.secrets() if isinstance(each, StoredSecret)]


def envelope(row: SecretRow) -> Envelope:
    """Raises EnvelopeBroken."""
    try:
        wrapped, sealed = bytes.fromhex(row.wrapped), bytes.fromhex(row.sealed)
    except ValueError:
        raise EnvelopeBroken("the row was changed: it is no envelope") from None
    return Envelope(row.name, row.version, row.set_at_ms, row.key_version, wrapped, sealed)


def _row(sealed: Envelope) -> SecretRow:
    about = (sealed.name, sealed.version, sealed.set_at_ms, sealed.key_version)
    return SecretRow(*about, sealed.wrapped.hex(), sealed.sealed.hex())


def _flaw(row: SecretRow, wrap: Wrapping | None) -> str:
    if wrap is None:
        return "the settings name no key for it"
    try:
        wrap.open(envelope(row))
    except EnvelopeBroken as broken:
        return str(broken)
    return ""


def _insist_on_sound(value: str, name: str) -> None:
    if len(value.encode()) > MAX_BYTES:
        raise FieldInvalid(f"It is larger than {MAX_BYTES} bytes.", param="value")
    try:
        check(value, f"store:{name}")
    except Unfit as unfit:
        raise FieldInvalid(f"It is not taken: {unfit.found}.", param="value") from None

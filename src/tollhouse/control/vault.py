"""The secrets that the settings want from the store, opened, and kept what the store says.

A gateway does not start without one of them. While it serves, one that is set anew holds from the next request on, and
one that does not open any more is used no further: its provider is refused until somebody sets it right.
"""

from __future__ import annotations

import logging

from tollhouse.config import Settings
from tollhouse.config.secrets import StoredSecret
from tollhouse.control.secrets import envelope, stored, wrapping
from tollhouse.domain.storing import Conflict
from tollhouse.ports import Database
from tollhouse.storage import secrets
from tollhouse.storage.envelopes import EnvelopeBroken, Wrapping
from tollhouse.storage.secrets import SecretRow

log = logging.getLogger("tollhouse")


class Vault:
    def __init__(self, database: Database, wrap: Wrapping, wanted: list[StoredSecret]) -> None:
        self._database = database
        self._wrap = wrap
        self._wanted: dict[str, list[StoredSecret]] = {}
        """By their names: several settings may want the same one."""

        self._known: dict[str, SecretRow | None] = {}
        for secret in wanted:
            self._wanted.setdefault(secret.name, []).append(secret)

    async def fill(self) -> list[str]:
        """What is wrong, if anything has changed since the last look. Raises StoreUnavailable."""
        rows = {row.name: row for row in await secrets.secrets(self._database)}
        return [flaw for name in self._wanted if (flaw := self._fill(name, rows.get(name)))]

    async def follow(self) -> None:
        """The same while calls come: it is loud, and goes on."""
        for flaw in await self.fill():
            log.error("a secret of the store cannot be used: %s", flaw)

    def _fill(self, name: str, row: SecretRow | None) -> str:
        if name in self._known and self._known[name] == row:
            return ""
        self._known[name] = row
        value, flaw = self._opened(name, row)
        for secret in self._wanted[name]:
            secret.fill(value)
        return flaw

    def _opened(self, name: str, row: SecretRow | None) -> tuple[str, str]:
        """Its value, or nothing and what is wrong."""
        if row is None:
            return "", f"there is no secret {name!r} in the store: `tollhouse secrets set {name}`"
        try:
            return self._wrap.open(envelope(row)), ""
        except EnvelopeBroken as broken:
            return "", f"{name!r}: {broken}"


async def opened(settings: Settings, database: Database) -> Vault | None:
    """None where nothing is wanted of the store. Raises Conflict with all that is wrong."""
    wanted = [secret for _, secret in stored(settings)]
    if not wanted:
        return None
    vault = Vault(database, wrapping(settings), wanted)
    flaws = await vault.fill()
    if flaws:
        raise Conflict("secrets of the store cannot be used: " + "; ".join(flaws))
    return vault

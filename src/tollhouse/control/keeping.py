"""The snapshot that requests are decided on, kept no older than it may be."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

from tollhouse.domain.errors import StoreUnavailable
from tollhouse.domain.identity import Naming
from tollhouse.domain.limiting import Defaults
from tollhouse.domain.snapshot import Names, Snapshot
from tollhouse.ports import Database
from tollhouse.storage import snapshots

LOOK_S = 5.0
"""How often the store is asked though no change was signalled."""

OLDEST_S = 60.0
"""How long a store may be away before a revoked key could pass: from then on nothing is decided."""

RETRY_S = 0.5


class SnapshotKeeper:
    def __init__(
        self,
        database: Database,
        names: Names,
        *,
        requires_price: bool,
        limits: Defaults = Defaults(),  # noqa: B008 - frozen
        naming: Naming = Naming.KNOWN,
        takes_tokens: bool = False,
        follow: Callable[[], Awaitable[None]] | None = None,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._names = names
        self._requires_price = requires_price
        self._limits = limits
        self._naming = naming
        self._takes_tokens = takes_tokens
        self._follow = follow
        self._clock_s = clock_s
        self._confirmed_at = 0.0
        self._snapshot: Snapshot | None = None

    @property
    def current(self) -> Snapshot:
        if self._snapshot is None or not self.is_fresh:
            raise StoreUnavailable(private="the snapshot cannot be confirmed", retry_after_s=2)
        return self._snapshot

    @property
    def is_fresh(self) -> bool:
        return self._snapshot is not None and self.age_s <= OLDEST_S

    @property
    def age_s(self) -> float:
        """Since it was last known to be what the store says."""
        return self._clock_s() - self._confirmed_at

    async def refresh(self) -> None:
        """Load it anew if the store has a newer revision. Raises StoreUnavailable."""
        asked_at = self._clock_s()
        if (
            self._snapshot is None
            or await snapshots.revision(self._database) != self._snapshot.revision
        ):
            loaded = await snapshots.load(
                self._database,
                self._names,
                requires_price=self._requires_price,
                limits=self._limits,
                naming=self._naming,
                takes_tokens=self._takes_tokens,
            )
            if self._follow is not None:
                await (
                    self._follow()
                )  # before the revision counts as seen, so that a failure is tried anew
            if self._snapshot is None or loaded.revision >= self._snapshot.revision:
                self._snapshot = loaded  # of two that load at once, the older one came too late
        self._confirmed_at = asked_at

    async def keep(self) -> None:
        """Follow the store for ever."""
        while True:
            try:
                await self._signal()
                await self.refresh()
            except StoreUnavailable:
                await asyncio.sleep(RETRY_S)

    async def _signal(self) -> None:
        try:
            async with asyncio.timeout(LOOK_S):
                await self._database.changed()
        except TimeoutError:
            return

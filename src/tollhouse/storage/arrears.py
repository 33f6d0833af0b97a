"""Settlements that the store could not take: kept, and tried again until it can."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable

from tollhouse.domain.budget import Hold, Settlement
from tollhouse.domain.errors import StoreUnavailable
from tollhouse.ports import Ledger

MOST_KEPT = 50_000
RETRY_S = 1.0


class PatientLedger:
    """Implements Ledger on another. A call that is over is not kept waiting for a store that is away.

    If the process dies first, the sweeper finds the holds: nothing is lost, only unknown.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._kept: deque[Settlement] = deque(maxlen=MOST_KEPT)

    @property
    def in_arrears(self) -> int:
        return len(self._kept)

    def hold(self, hold: Hold) -> Awaitable[None]:
        return self._ledger.hold(hold)

    async def settle(self, settlement: Settlement) -> bool:
        try:
            return await self._ledger.settle(settlement)
        except StoreUnavailable:
            self._kept.append(settlement)
            return False

    async def catch_up(self) -> None:
        """Settle what is kept, oldest first; raises StoreUnavailable while the store is away."""
        while self._kept:
            await self._ledger.settle(self._kept[0])
            self._kept.popleft()

    async def keep_up(self) -> None:
        """Catch up for ever."""
        while True:
            await asyncio.sleep(RETRY_S)
            try:
                await self.catch_up()
            except StoreUnavailable:
                continue

"""Settlements that the store could not take: kept, and tried again until it can."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable
from functools import partial

from tollhouse.domain.budget import Hold, Settlement
from tollhouse.domain.errors import StoreUnavailable
from tollhouse.ports import Ledger

MOST_KEPT = 50_000
RETRY_S = 1.0


class PatientLedger:
    """Implements Ledger on another. A call that is over does not wait for a store that is away.

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

    def settle(self, settlement: Settlement) -> Awaitable[bool]:
        """Never raises StoreUnavailable: then it is False for now."""
        loop = asyncio.get_running_loop()
        told: asyncio.Future[bool] = loop.create_future()
        asked = asyncio.ensure_future(self._ledger.settle(settlement), loop=loop)
        asked.add_done_callback(partial(self._tell, settlement, told))
        return told

    def _tell(
        self, settlement: Settlement, told: asyncio.Future[bool], asked: asyncio.Future[bool]
    ) -> None:
        error = asked.exception()
        if isinstance(error, StoreUnavailable):
            self._kept.append(settlement)
        if told.done():
            return
        if error is None or isinstance(error, StoreUnavailable):
            told.set_result(error is None and asked.result())
        else:
            told.set_exception(error)

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

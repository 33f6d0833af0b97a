"""Settlements that the store could not take: kept, and tried again until it can."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from functools import partial

from tollhouse.domain.budget import Hold, Outcome, Settlement
from tollhouse.domain.errors import StoreUnavailable
from tollhouse.ports import Ledger, Statement

MOST_KEPT = 50_000
RETRY_S = 1.0
LONGEST_PAUSE_S = 128.0


@dataclass(frozen=True, slots=True)
class Doubt:
    """A hold that was given up without an answer: it may stand, or arrive late. Looked for again and again."""

    settlement: Settlement
    look_at_s: float
    pause_s: float


class PatientLedger:
    """Implements Ledger on another. A call that is over does not wait for a store that is away.

    If the process dies first, the sweeper finds the holds: nothing is lost, only unknown.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._kept: deque[Settlement] = deque(maxlen=MOST_KEPT)
        self._doubts: deque[Doubt] = deque(maxlen=MOST_KEPT)

    @property
    def in_arrears(self) -> int:
        return len(self._kept) + len(self._doubts)

    def hold(self, hold: Hold, beside: Sequence[Statement] = ()) -> Awaitable[None]:
        return self._ledger.hold(hold, beside)

    def settle(self, settlement: Settlement) -> asyncio.Future[bool]:
        """Never raises StoreUnavailable: then it is False for now. Nobody needs to wait for it."""
        told: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        asked = self._ledger.settle(settlement)
        asked.add_done_callback(partial(self._tell, settlement, told))
        return told

    def _tell(
        self, settlement: Settlement, told: asyncio.Future[bool], asked: asyncio.Future[bool]
    ) -> None:
        error, is_new = asked.exception(), False
        if error is None:
            is_new = asked.result()
            self._noted(settlement, is_new=is_new)
        elif isinstance(error, StoreUnavailable):
            self._keep(settlement)
        elif not told.done():
            told.set_exception(error)
        if not told.done():
            told.set_result(is_new)

    async def catch_up(self) -> None:
        """Settle what is kept, oldest first; raises StoreUnavailable while the store is away."""
        while self._kept:
            await self._ledger.settle(self._kept[0])
            self._kept.popleft()
        for _ in range(len(self._doubts)):
            await self._look(self._doubts.popleft())

    async def keep_up(self) -> None:
        """Catch up for ever."""
        while True:
            await asyncio.sleep(RETRY_S)
            try:
                await self.catch_up()
            except StoreUnavailable:
                continue

    def _keep(self, settlement: Settlement) -> None:
        if (
            settlement.outcome is Outcome.NOT_SENT
        ):  # of these there may be many, and they owe nothing
            self._doubts.append(Doubt(settlement, _now_s(), RETRY_S))
        else:
            self._kept.append(settlement)

    def _noted(self, settlement: Settlement, *, is_new: bool, pause_s: float = RETRY_S) -> None:
        if settlement.outcome is Outcome.NOT_SENT and not is_new and pause_s <= LONGEST_PAUSE_S:
            self._doubts.append(Doubt(settlement, _now_s() + pause_s, pause_s))

    async def _look(self, doubt: Doubt) -> None:
        if doubt.look_at_s > _now_s():
            self._doubts.append(doubt)
            return
        try:
            is_new = await self._ledger.settle(doubt.settlement)
        except StoreUnavailable:
            self._doubts.append(doubt)
            raise
        self._noted(doubt.settlement, is_new=is_new, pause_s=2 * doubt.pause_s)


def _now_s() -> float:
    return asyncio.get_running_loop().time()

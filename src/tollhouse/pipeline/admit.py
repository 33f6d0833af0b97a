"""Let the caller in, hold the worst case, and settle whatever happens inside."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from types import TracebackType

from tollhouse.domain import binding, receipts
from tollhouse.domain.budget import Hold
from tollhouse.domain.errors import StoreUnavailable
from tollhouse.domain.identity import Principal
from tollhouse.domain.limiting import Taking
from tollhouse.domain.metering import Meter
from tollhouse.domain.models import Plan
from tollhouse.pipeline import ceilings
from tollhouse.pipeline.call import Call
from tollhouse.pipeline.house import House
from tollhouse.pipeline.limit import give_back, take
from tollhouse.ports import Headers, Statement


class admitted:  # noqa: N801 - read as a participle: `async with admitted(…)`
    """Settling is the last thing that happens to every admitted call: answered, failed or abandoned.

    Nothing else in the house refunds.
    """

    __slots__ = ("_call", "_ceiling", "_hold", "_house", "_is_over", "_limits", "_meter", "_taken")

    beside: Sequence[Statement] = ()
    """What stands together with the hold, or not at all."""

    def __init__(self, call: Call, caller: Principal, plan: Plan, house: House) -> None:
        self._house = house
        self._call = call
        self._limits = caller.limits
        self._taken: tuple[Taking, ...] = ()
        self._hold = _worst(call, caller, plan, house)
        self._meter = Meter(call.id, plan)
        self._is_over = False
        if house.receipts is not None:
            self._meter.receipt = self._receipted
        limit = caller.conversation_limit
        self._ceiling = ceilings.of(call, limit) if limit is not None else None

    async def __aenter__(self) -> Meter:
        house = self._house
        if self._limits is not None:
            self._taken = await take(self._call, self._limits, self._meter.plan, house)
        try:
            if self._ceiling is not None:
                self._hold = await ceilings.under(self._ceiling, self._hold, house.shelves.store)
            await house.ledger.hold(self._hold, self.beside)
        except (asyncio.CancelledError, StoreUnavailable):
            self._settle()  # what nobody waits for any more may stand all the same
            raise
        except Exception:
            if self._taken:
                give_back(self._taken, self._meter, house)
            raise
        return self._meter

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if not self._is_over:
            self._settle()

    async def _receipted(self) -> Headers:
        """A receipt says what was settled, so that comes first; without the store there is none for now."""
        is_new, settlement = await self._settle(), self._meter.settled
        if not is_new or settlement is None or self._house.receipts is None:
            return ()
        signed = self._house.receipts(receipts.of(self._hold, settlement))
        return ((b"x-tollhouse-receipt", signed.encode()),)

    def _settle(self) -> asyncio.Future[bool]:
        """Nobody but a receipt waits for it: what is asked of the ledger afterwards comes after it."""
        self._is_over = True
        house = self._house
        settlement = self._meter.settle(house.now_ms())
        if self._taken:
            give_back(self._taken, self._meter, house)
        return house.ledger.settle(settlement)


def _worst(call: Call, caller: Principal, plan: Plan, house: House) -> Hold:
    if (said := call.fields.get(ceilings.MAX_COST)) is not None:
        ceilings.check_cost(said, plan)
    named = plan.ask.named
    return Hold(
        call=call.id,
        request_id=call.request_id,
        owner=house.owner,
        accounts=caller.accounts,
        key=caller.key,
        tenant=caller.tenant,
        project=caller.project,
        user=caller.user,
        route=call.route.name,
        model=plan.model.name,
        amount=plan.hold if caller.accounts[0] > 0 else 0,
        created_at_ms=house.now_ms(),
        shares=plan.shares,
        end_user=binding.end_user(caller, named) if named else None,
    )

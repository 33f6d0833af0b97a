"""Let the caller in, hold the worst case, and settle whatever happens inside."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tollhouse.domain.budget import Hold
from tollhouse.domain.errors import StoreUnavailable
from tollhouse.domain.identity import Principal
from tollhouse.domain.metering import Meter
from tollhouse.domain.models import Plan
from tollhouse.pipeline.call import Call
from tollhouse.pipeline.house import House


@asynccontextmanager
async def admitted(call: Call, caller: Principal, plan: Plan, house: House) -> AsyncIterator[Meter]:
    """Settling is the last thing that happens to every admitted call: answered, failed or abandoned.

    Nothing else in the house refunds.
    """
    await house.limiter.take(caller.key)
    meter = Meter(call.id, plan)
    await _hold(meter, _worst(call, caller, plan, house), house)
    try:
        yield meter
    finally:
        await house.ledger.settle(meter.settle(house.now_ms()))


async def _hold(meter: Meter, hold: Hold, house: House) -> None:
    """A hold that nobody waits for any more may stand all the same: it is given back."""
    try:
        await house.ledger.hold(hold)
    except asyncio.CancelledError:
        await house.ledger.settle(meter.settle(house.now_ms()))
        raise
    except StoreUnavailable:
        house.ledger.settle(meter.settle(house.now_ms()))  # later: the caller is not kept waiting
        raise


def _worst(call: Call, caller: Principal, plan: Plan, house: House) -> Hold:
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
        amount=plan.hold,
        created_at_ms=house.now_ms(),
    )

"""Let the caller in, hold the worst case, and settle whatever happens inside."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from typing import TypeVar

from tollhouse.domain.budget import Hold
from tollhouse.domain.identity import Principal
from tollhouse.domain.metering import Meter
from tollhouse.domain.models import Plan
from tollhouse.pipeline.call import Call
from tollhouse.pipeline.house import House

T = TypeVar("T")


@asynccontextmanager
async def admitted(call: Call, caller: Principal, plan: Plan, house: House) -> AsyncIterator[Meter]:
    """Settling is the last thing that happens to every admitted call: answered, failed or abandoned.

    Nothing else in the house refunds.
    """
    await house.limiter.take(caller.key)
    meter = Meter(call.id, plan)
    try:
        await to_the_end(house.ledger.hold(_hold(call, caller, plan, house)))
    except asyncio.CancelledError:  # the hold may stand: a caller that left must not keep it
        await _settle(meter, house)
        raise
    try:
        yield meter
    except asyncio.CancelledError:
        meter.cut(by_client=call.reply.is_gone)
        raise
    finally:
        await _settle(meter, house)


async def to_the_end(awaitable: Awaitable[T]) -> T:
    """Wait until it is done; a cancellation that comes meanwhile is raised afterwards."""
    future = asyncio.ensure_future(awaitable)
    cancelled: asyncio.CancelledError | None = None
    while not future.done():
        try:
            await asyncio.shield(future)
        except asyncio.CancelledError as error:
            cancelled = error
        except Exception:  # noqa: S110 - taken from the future below
            pass
    if cancelled is not None and future.exception() is None:
        raise cancelled
    return future.result()


async def _settle(meter: Meter, house: House) -> None:
    await to_the_end(house.ledger.settle(meter.settle(house.now_ms())))


def _hold(call: Call, caller: Principal, plan: Plan, house: House) -> Hold:
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

"""How many tokens a call would have: asked of a target that can count, or counted here.

It costs nothing and takes nothing from a limit but that of its own route: agents ask dozens of times at
once. What is counted here is seldom too low, so that a client learns in time that its window is full.
"""

from __future__ import annotations

from tollhouse.dialects.anthropic_count import counted
from tollhouse.domain.errors import Failure, UpstreamRejected
from tollhouse.domain.identity import Principal
from tollhouse.domain.metering import Meter, counted_input
from tollhouse.domain.models import Ask, Leg, Plan, allowed
from tollhouse.pipeline.call import Call
from tollhouse.pipeline.carry import carried
from tollhouse.pipeline.dispatch import dispatched
from tollhouse.pipeline.house import House
from tollhouse.pipeline.identify import identify
from tollhouse.pipeline.limit import take_of_route
from tollhouse.pipeline.record import recorded
from tollhouse.pipeline.relay import relay
from tollhouse.pipeline.within import within

IMAGE_TOKENS = 1_600
DOCUMENT_TOKENS = 20_000


async def count(call: Call, house: House) -> None:
    with recorded(call, house) as record, within(call.route.deadline_s) as stay:
        caller = record.caller = await identify(record, house)
        with carried(caller, record, stay, house):
            await take_of_route(call, caller, house)
            body = await call.read_body()
            ask = record.ask = call.route.dialect.peek(body)
            plan = record.plan = _plan(call, caller, ask, house)
            if not await _is_answered(call, plan, body, house):
                await _answer(call, ask)


def _plan(call: Call, caller: Principal, ask: Ask, house: House) -> Plan:
    """Those targets that can count; nobody is asked for a price."""
    model = allowed(house.snapshot, caller, ask)
    legs = [
        Leg(target, None, 0, 0, 0)
        for target in model.targets
        if house.providers[target.provider].speaks(call.route.dialect.name)
    ]
    return Plan(ask, model, tuple(legs), 0, caller.tenant)


async def _is_answered(call: Call, plan: Plan, body: bytes, house: House) -> bool:
    """Whether a target has counted, or has said why this body is none."""
    if not plan.legs:
        return False
    meter = Meter(call.id, plan)
    try:
        async with dispatched(call, plan, body, meter, house) as (answer, lane):
            await relay(answer, lane, call, plan, meter)
    except UpstreamRejected:
        raise
    except Failure:
        if call.reply.is_started:
            raise
        return False
    return True


async def _answer(call: Call, ask: Ask) -> None:
    tokens = counted_input(ask) + IMAGE_TOKENS * ask.images + DOCUMENT_TOKENS * ask.documents
    body = counted(tokens + ask.added_tokens)
    length = (b"content-length", b"%d" % len(body))
    counted_here = (b"x-tollhouse-counted", b"here")
    await call.reply.start(200, ((b"content-type", b"application/json"), length, counted_here))
    await call.reply.end(body)

"""The way of one request."""

from __future__ import annotations

from tollhouse.domain.models import plan as make_plan
from tollhouse.pipeline.acknowledge import acknowledge
from tollhouse.pipeline.admit import admitted
from tollhouse.pipeline.call import Call
from tollhouse.pipeline.carry import carried
from tollhouse.pipeline.dispatch import dispatched
from tollhouse.pipeline.go_home import homed
from tollhouse.pipeline.house import House
from tollhouse.pipeline.identify import identify
from tollhouse.pipeline.limit import turn_away
from tollhouse.pipeline.once import HEADER, serve_once
from tollhouse.pipeline.record import recorded
from tollhouse.pipeline.relay import relay
from tollhouse.pipeline.within import within


async def serve(call: Call, house: House) -> None:
    with recorded(call, house) as record, within(call.route.deadline_s) as stay:
        caller = record.caller = await identify(record, house)
        with carried(caller, record, stay, house):
            if house.waits:
                turn_away(call, caller, house)
            body = await call.read_body()
            ask = record.ask = homed(call.route.dialect.peek(body), caller, house)
            plan = record.plan = make_plan(
                house.snapshot, caller, ask, house.now_s(), house.standings.draw()
            )
            if ask.idle is not None:
                await acknowledge(call, ask)
                return
            if HEADER in call.fields:
                await serve_once(record, caller, plan, body, house)
                return
            async with admitted(call, caller, plan, house) as meter:
                record.meter = meter
                async with dispatched(call, plan, body, meter, house) as (answer, lane):
                    await relay(answer, lane, call, plan, meter)

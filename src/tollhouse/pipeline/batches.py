"""Batches: created, listed, shown and cancelled, for the caller's project.

What all lines may cost together is held before a batch leaves. From then on the hold belongs to the batch,
not to the call that created it, and stands until its end was seen.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from types import TracebackType

from tollhouse.dialects import openai_batches, openai_files
from tollhouse.dialects.openai_batches import Wish
from tollhouse.domain.batches import PREFIX, TASKS, TIER, Batch, Load, batch_id
from tollhouse.domain.budget import Outcome
from tollhouse.domain.errors import BatchUnknown, FieldInvalid
from tollhouse.domain.exchange import Errand
from tollhouse.domain.files import File
from tollhouse.domain.homes import Home
from tollhouse.domain.identity import Principal
from tollhouse.domain.metering import Meter
from tollhouse.domain.models import Ask, Plan
from tollhouse.domain.models import plan as make_plan
from tollhouse.pipeline.admit import admitted
from tollhouse.pipeline.batch_look import look, path_of
from tollhouse.pipeline.call import Call
from tollhouse.pipeline.carry import carried
from tollhouse.pipeline.errand import told
from tollhouse.pipeline.files import answer, come_in, own_file
from tollhouse.pipeline.house import House
from tollhouse.pipeline.identify import identify
from tollhouse.pipeline.limit import leave, take_of_route, take_one
from tollhouse.pipeline.once import refuse_key
from tollhouse.pipeline.pages import page_of
from tollhouse.pipeline.record import recorded
from tollhouse.pipeline.within import within
from tollhouse.storage import batches

USUAL_PAGE, LONGEST_PAGE = 20, 100


async def create_batch(call: Call, house: House) -> None:
    with recorded(call, house) as record, within(call.route.deadline_s) as stay:
        caller = record.caller = await identify(record, house)
        with carried(caller, record, stay, house):
            refuse_key(call)
            wish = openai_batches.read_wish(await call.read_body())
            file = await own_file(wish.file, caller, house)
            plan = record.plan = _plan(wish, file, caller, house)
            entry = entrusted(call, caller, plan, house)
            async with entry as meter:
                record.meter = meter
                batch = await _begun(call, wish, file, meter, house)
                entry.stay()
            await answer(call, batch.told.encode())


class entrusted(admitted):  # noqa: N801 - read as a participle: `async with entrusted(…)`
    """Once the batch is written down, its hold stays for its end; until then it is settled as ever."""

    __slots__ = ("_stays",)

    def __init__(self, call: Call, caller: Principal, plan: Plan, house: House) -> None:
        super().__init__(call, caller, plan, house)
        self._stays = False

    def stay(self) -> None:
        self._stays = True

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        meter, now_ms = self._meter, self._house.now_ms()
        if self._stays:
            meter.settle(now_ms)  # for the record: nothing is owed yet
            if self._taken:
                leave(self._taken, meter, self._house)
            return
        if meter.outcome is Outcome.COMPLETED:
            meter.outcome = Outcome.UNKNOWN  # it may run, and nobody would know of it
        await super().__aexit__(kind, error, trace)


def _plan(wish: Wish, file: File, caller: Principal, house: House) -> Plan:
    """Granted, priced and budgeted as one call for all of its lines."""
    load = file.load
    if load is None:
        raise FieldInvalid(
            "The file was not sent with the purpose `batch`, so none of its lines was looked at.",
            param="input_file_id",
        )
    if wish.endpoint != load.url:
        raise FieldInvalid(f"The lines of the file have the `url` {load.url}.", param="endpoint")
    plan = make_plan(house.snapshot, caller, _ask(load), house.now_s())
    (leg,) = plan.legs
    whole = replace(
        leg,
        input_tokens=load.input_tokens,
        output_tokens=load.output_tokens,
        worst=load.worst(leg.price),
    )
    return replace(plan, legs=(whole,), hold=whole.worst)


def _ask(load: Load) -> Ask:
    return Ask(
        model=load.model,
        is_stream=False,
        wants_usage=False,
        input_bytes=0,
        messages=0,
        images=0,
        choices=1,
        max_output=0,
        predicted_bytes=0,
        unpriced_features=load.unpriced,
        task=TASKS[load.url],
        home=Home(load.target, "", 0),
        variant=TIER,
    )


async def _begun(call: Call, wish: Wish, file: File, meter: Meter, house: House) -> Batch:
    (leg,) = meter.plan.legs
    errand = Errand(b"POST", b"/batches", openai_batches.outgoing(wish, file.known_as))
    said = await told(call, leg.target.provider, errand, house, meter)
    seen = openai_batches.read_told(said)
    now_ms = house.now_ms()
    batch = Batch(
        id=PREFIX + call.id,
        project=file.project,
        provider=leg.target.provider,
        known_as=seen.id,
        call=call.id,
        file=file.id,
        model=meter.plan.ask.model,
        target=leg.target.name,
        held=meter.plan.hold,
        price=leg.price,
        told="",
        created_at_ms=now_ms,
        looked_at_ms=now_ms,
    )
    shown = openai_batches.shown(batch, wish.endpoint, wish.metadata, seen, {})
    batch = replace(batch, told=shown)
    await asyncio.shield(batches.add(house.shelves.store, batch))
    return batch


async def list_batches(call: Call, house: House) -> None:
    """As they were seen last: nobody is asked."""
    async with come_in(call, house) as caller:
        await take_of_route(call, caller, house)
        wanted = page_of(call, usual=USUAL_PAGE, most=LONGEST_PAGE)
        found = await batches.page(
            house.shelves.store,
            caller.project,
            after=wanted.after,
            limit=wanted.limit + 1,
            newest_first=wanted.newest_first,
        )
        page = [openai_batches.of_told(each.told) for each in found[: wanted.limit]]
        await answer(call, openai_files.page(page, has_more=len(found) > len(page)))


async def show_batch(call: Call, house: House) -> None:
    """As it is now; and if that is its end, settled."""
    async with come_in(call, house) as caller:
        batch = await _own_batch(call.path_rest, caller, house)
        if batch.settled_at_ms is None:
            await take_one(call, caller, house)
            batch = await look(call, batch, house)
        await answer(call, batch.told.encode())


async def cancel_batch(call: Call, house: House) -> None:
    """What was answered until then is owed, and settled when its provider has come to an end."""
    async with come_in(call, house) as caller:
        batch = await _own_batch(call.path_rest, caller, house)
        if batch.settled_at_ms is None:
            await take_one(call, caller, house)
            batch = await look(call, batch, house)
        if batch.settled_at_ms is None:
            await told(call, batch.provider, Errand(b"POST", path_of(batch, "/cancel")), house)
            batch = await look(call, batch, house)
        await answer(call, batch.told.encode())


async def _own_batch(named: str, caller: Principal, house: House) -> Batch:
    """Raises BatchUnknown on one of another project, and on one whose provider is not configured any more."""
    shelves = house.shelves
    batch = await batches.find(shelves.store, caller.project, batch_id(named))
    if batch is None or batch.provider not in shelves.keepers:
        raise BatchUnknown(param="batch_id")
    return batch

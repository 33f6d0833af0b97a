"""How a batch stands at its provider: looked at when its owner asks, and by the house itself meanwhile.

The look that sees its end settles it, once, for what its results say was used. Whoever looks at the same
time comes to the same, so nothing is locked.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

from tollhouse.dialects import openai_batches
from tollhouse.dialects.openai_batch_lines import MOST_OF_A_LINE, LineCutter, answered
from tollhouse.dialects.openai_batches import Told
from tollhouse.domain.batches import FINAL, Batch, Tally
from tollhouse.domain.budget import Outcome, Settlement, Source
from tollhouse.domain.errors import Failure, UpstreamBroke
from tollhouse.domain.exchange import Errand
from tollhouse.domain.files import File
from tollhouse.domain.pricing import Usage
from tollhouse.pipeline.call import Call
from tollhouse.pipeline.errand import on_errand, told
from tollhouse.pipeline.house import House
from tollhouse.pipeline.route import Route
from tollhouse.ports import Body, Headers, LastWords
from tollhouse.storage import batches, files

RESULTS = ("output", "error")
MOST_AT_ONCE = 50
DEADLINE_S = 600.0


async def look(call: Call, batch: Batch, house: House) -> Batch:
    """Raises a Failure when its provider does not tell; then nothing has changed."""
    said = await told(call, batch.provider, Errand(b"GET", path_of(batch)), house)
    seen = openai_batches.read_told(said)
    if seen.id != batch.known_as:
        raise UpstreamBroke(private="another batch than the one that was asked for")
    if seen.status in FINAL:
        return await _ended(call, batch, seen, house)
    shown = _shown(batch, seen, {})
    await batches.tell(house.shelves.store, batch.id, shown)
    return replace(batch, told=shown)


async def look_after(house: House, route: Route, every_s: float) -> None:
    """Look at what is open, for ever."""
    while True:
        await asyncio.sleep(every_s)
        with suppress(Failure):  # the store is away, and so are the batches
            await look_at_all(house, route, every_s)


async def look_at_all(house: House, route: Route, every_s: float) -> None:
    """Each by one process alone, and not sooner than `every_s` after the last time."""
    store, now_ms = house.shelves.store, house.now_ms()
    due = await batches.due(store, now_ms - int(every_s * 1000), MOST_AT_ONCE)
    claimed = [batch for batch in due if await batches.claim(store, batch, now_ms)]
    await asyncio.gather(*(_looked_at(batch, house, route) for batch in claimed))


async def _looked_at(batch: Batch, house: House, route: Route) -> None:
    """One that fails keeps no other from being looked at."""
    try:
        if batch.provider in house.shelves.keepers:
            async with asyncio.timeout(DEADLINE_S):
                batch = await look(_own_call(house, route), batch, house)
    except (Failure, TimeoutError):
        pass  # it is asked again the next time
    except Exception as error:
        house.watch.crashed(batch.call, error)
    if batch.settled_at_ms is None and house.now_ms() >= batch.gives_up_at_ms:
        await _given_up(batch, house)


async def _ended(call: Call, batch: Batch, seen: Told, house: House) -> Batch:
    """First its results are read, then it is settled, and last it is told."""
    tally, results = Tally(tiers=batch.price.tiers if batch.price else ()), {}
    for kind in RESULTS:
        known_as = getattr(seen, f"{kind}_file_id")
        if known_as:
            await _tallied(call, batch, known_as, tally, house)
            await _written_down(batch, kind, known_as, tally.bytes, house)
            results[kind] = batch.result(kind)
    await house.ledger.settle(_settlement(batch, tally, seen, house.now_ms()))
    now_ms, shown = house.now_ms(), _shown(batch, seen, results)
    await batches.settle(house.shelves.store, batch.id, shown, now_ms)
    return replace(batch, told=shown, settled_at_ms=now_ms)


async def _tallied(call: Call, batch: Batch, known_as: str, tally: Tally, house: House) -> None:
    """Raises UpstreamBroke on results that are none: then it is not settled yet."""
    errand = Errand(b"GET", f"/files/{known_as}/content".encode())
    cutter, tally.bytes = LineCutter(MOST_OF_A_LINE), 0
    async with on_errand(call, batch.provider, errand, house) as found:
        while chunk := await found.read():
            tally.bytes += len(chunk)
            _add(cutter.push(chunk), tally)
    _add(cutter.drain(), tally)


def _add(lines: Sequence[tuple[int, bytes]], tally: Tally) -> None:
    for _, line in lines:
        is_answer, usage = answered(line)
        if is_answer:
            tally.add(usage)


async def _written_down(batch: Batch, kind: str, known_as: str, size: int, house: House) -> None:
    file = File(
        id=batch.result(kind),
        project=batch.project,
        provider=batch.provider,
        known_as=known_as,
        purpose="batch_output",
        name=f"{batch.id}_{kind}.jsonl",
        bytes=size,
        created_at_ms=house.now_ms(),
        answers_as=batch.model,
    )
    await files.add(house.shelves.store, file)


def _settlement(batch: Batch, tally: Tally, seen: Told, now_ms: int) -> Settlement:
    """What was answered is owed, and never more than was held. An answer that hides its usage costs the hold."""
    cost, anomaly = tally.cost(batch.price), None
    source = Source.PROVIDER if tally.answered else Source.NOTHING
    if tally.untold:
        cost, source, anomaly = batch.held, Source.HOLD, "no_usage"
    if cost > batch.held:
        anomaly = "over_bound"
    return Settlement(
        call=batch.call,
        outcome=Outcome.REFUSED if seen.status == "failed" else Outcome.COMPLETED,
        owed=min(cost, batch.held),
        usage=tally.usage,
        source=source,
        target=batch.target,
        price=batch.price.id if batch.price else None,
        settled_at_ms=now_ms,
        anomaly=anomaly,
    )


async def _given_up(batch: Batch, house: House) -> None:
    """Its end was not seen. As with any such call the hold stays, until the policy or an operator decides."""
    now_ms = house.now_ms()
    settlement = Settlement(
        call=batch.call,
        outcome=Outcome.UNKNOWN,
        owed=0,
        usage=Usage(),
        source=Source.NOTHING,
        target=batch.target,
        price=batch.price.id if batch.price else None,
        settled_at_ms=now_ms,
        anomaly="batch_lost",
    )
    await house.ledger.settle(settlement)
    await batches.settle(house.shelves.store, batch.id, batch.told, now_ms)


def path_of(batch: Batch, part: str = "") -> bytes:
    return f"/batches/{batch.known_as}{part}".encode()


def _shown(batch: Batch, seen: Told, results: dict[str, str]) -> str:
    before = openai_batches.of_told(batch.told)
    return openai_batches.shown(batch, before["endpoint"], before["metadata"], seen, results)


def _own_call(house: House, route: Route) -> Call:
    """Nobody's but the house's own: it is answered to nobody."""
    call_id = house.new_id()
    return Call(
        id=call_id,
        request_id=call_id,
        route=route,
        path_rest="",
        query=b"",
        headers=(),
        fields={},
        peer="",
        began_ns=house.clock_ns(),
        read_body=_nothing,
        reply=Nobody(),
    )


async def _nothing() -> Body:
    return b""


class Nobody:
    """Implements Reply."""

    is_started = False
    is_gone = False
    first_byte_ns: int | None = None
    last_words: LastWords | None = None

    def bear(self, headers: Headers) -> None: ...
    async def start(self, status: int, headers: Headers) -> None: ...
    async def write(self, chunk: bytes) -> None: ...
    async def end(self, chunk: bytes = b"") -> None: ...
    def cut(self, chunk: bytes, *, is_end: bool = False) -> None: ...
    def keep_alive(self, comment: bytes, headers: Headers, silence_s: float) -> None: ...
    def close(self) -> None: ...

"""A call is cancelled at each of its steps: what was held is settled once, and every place is free again."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest

from fakes import FakeAnswer, FakeExchange, FakeLedger, FakeLimiter, FakeProvider, FakeReply
from limits_given import PLACES, taking
from pipeline.houses import World, body, call, snapshot
from tollhouse.domain.budget import Outcome, Settlement
from tollhouse.domain.limiting import Limits, Taking, Verdict
from tollhouse.pipeline.call import Call
from tollhouse.pipeline.serve import serve
from tollhouse.ports import Headers

STREAM = [
    b'data: {"choices":[{"delta":{"content":"hi"},"finish_reason":"stop"}]}\n\n',
    b'data: {"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":1}}\n\n',
    b"data: [DONE]\n\n",
]
SSE = {b"content-type": b"text/event-stream"}
FEWEST_STEPS = 12
PLACE = taking(9, PLACES)
COST = (9 + 2 * 1) * 1000


@pytest.mark.req("H-147", "B-5", "B-6", "P-30", "S-89")
async def test_at_whichever_step_a_call_is_cancelled_it_is_settled_once() -> None:
    steps, was_cut = 0, True

    while was_cut:
        steps += 1
        world, was_cut = await _cancelled_after(steps)
        settled = world.ledger.settlements

        assert len(world.audit.records) == 1
        assert [each.call for each in settled] == list(world.ledger.holds)
        assert world.load.under_way == 0
        assert world.limiter.given_back == [(call, (PLACE,)) for call, _ in world.limiter.taken]
        assert {standing.gate.inside for standing in world.standings} <= {0}
        for each in settled:
            assert (each.outcome is Outcome.NOT_SENT) == (world.providers["first"].sent == [])
            assert (each.outcome is Outcome.COMPLETED) <= (each.owed == COST)

    assert steps > FEWEST_STEPS
    assert [each.outcome for each in settled] == [Outcome.COMPLETED]


async def _cancelled_after(steps: int) -> tuple[World, bool]:
    """And whether there was still something to cancel."""
    provider = FakeProvider(SlowExchange(SlowAnswer(200, STREAM, SSE)))
    world = World(ledger=SlowLedger(), limiter=SlowLimiter(), providers={"first": provider})
    world.snapshot = snapshot(Limits((taking(9).rule, PLACE.rule), None))
    task = asyncio.create_task(serve(_slow(call(reply=SlowReply())), world.house))
    for _ in range(steps):
        await asyncio.sleep(0)
    was_cancelled = task.cancel()
    await asyncio.wait([task])
    return world, was_cancelled


def _slow(incoming: Call) -> Call:
    async def read_body() -> bytes:
        await asyncio.sleep(0)
        return body(stream=True)

    return replace(incoming, read_body=read_body)


class SlowLedger(FakeLedger):
    async def _told(self) -> None:
        await asyncio.sleep(0)

    def settle(self, settlement: Settlement) -> asyncio.Future[bool]:
        told, loop = super().settle(settlement), asyncio.get_running_loop()
        later: asyncio.Future[bool] = loop.create_future()
        loop.call_soon(lambda: later.done() or later.set_result(told.result()))
        return later


class SlowLimiter(FakeLimiter):
    async def take(self, call: str, takings: Sequence[Taking]) -> Verdict:
        await asyncio.sleep(0)
        return await super().take(call, takings)


class SlowExchange(FakeExchange):
    async def __aenter__(self) -> FakeAnswer:
        await asyncio.sleep(0)
        return await super().__aenter__()


class SlowAnswer(FakeAnswer):
    async def read(self) -> bytes:
        await asyncio.sleep(0)
        return await super().read()


class SlowReply(FakeReply):
    async def start(self, status: int, headers: Headers) -> None:
        await asyncio.sleep(0)
        await super().start(status, headers)

    async def write(self, chunk: bytes) -> None:
        await asyncio.sleep(0)
        await super().write(chunk)

    async def end(self, chunk: bytes = b"") -> None:
        await asyncio.sleep(0)
        await super().end(chunk)

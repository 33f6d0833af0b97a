"""The way of one request, from one end to the other."""

from __future__ import annotations

import gc
import weakref
from dataclasses import replace

import pytest

from fakes import FakeAnswer, FakeExchange, FakeProvider, FakeReply
from pipeline.houses import Snapshots, World, body, call, snapshot
from tollhouse.domain.errors import OutputOverLimit
from tollhouse.domain.pricing import Price
from tollhouse.domain.snapshot import DatedPrice
from tollhouse.pipeline.serve import serve

WHOLE = (
    b'{"choices":[{"message":{"content":"hi"}}],"usage":{"prompt_tokens":1,"completion_tokens":1}}'
)
STREAM = (
    b'data: {"choices":[{"delta":{"content":"hi"},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
)


@pytest.mark.req("P-22")
@pytest.mark.parametrize("is_stream", [False, True])
async def test_a_call_that_is_over_leaves_nothing_for_the_collector(is_stream: bool) -> None:
    said = STREAM if is_stream else WHOLE
    kind = {b"content-type": b"text/event-stream" if is_stream else b"application/json"}
    provider = FakeProvider(FakeExchange(FakeAnswer(200, [said], kind)))
    world = World(providers={"first": provider})
    reply = FakeReply()
    is_there = weakref.ref(reply)

    gc.disable()
    try:
        await serve(call(raw=body(stream=is_stream), reply=reply), world.house)
        status = reply.status
        del reply
        is_left = is_there() is not None
    finally:
        gc.enable()

    assert (status, is_left) == (200, False)


@pytest.mark.req("H-147", "P-4")
async def test_a_price_that_changes_while_a_call_is_under_way_is_not_that_calls() -> None:
    snapshots = Snapshots(snapshot())
    dearer = DatedPrice(0.0, Price(9, "first", 10**9, 10**9, 0, 0))

    class MeanwhileDearer(FakeExchange):
        async def __aenter__(self) -> FakeAnswer:
            snapshots.current = replace(snapshots.current, prices={"first:m-real": (dearer,)})
            return await super().__aenter__()

    answer = FakeAnswer(200, [WHOLE], {b"content-type": b"application/json"})
    world = World(providers={"first": FakeProvider(MeanwhileDearer(answer))})

    await serve(call(raw=body()), replace(world.house, snapshots=snapshots))

    (settled,) = world.ledger.settlements
    assert (settled.price, settled.owed) == (1, 3_000)


@pytest.mark.req("OP-27")
async def test_a_call_that_asks_for_too_much_output_is_refused_before_anything_is_held() -> None:
    given = snapshot()
    strict = replace(given.names.models["m"], refuses_more=True)
    provider = FakeProvider(FakeExchange(FakeAnswer(200, [WHOLE], {})))
    world = World(
        snapshot=replace(given, names=replace(given.names, models={"m": strict})),
        providers={"first": provider},
    )

    with pytest.raises(OutputOverLimit):
        await serve(call(raw=body(max_tokens=101)), world.house)

    assert world.ledger.holds == {}
    assert provider.sent == []

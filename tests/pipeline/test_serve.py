"""The way of one request, from one end to the other."""

from __future__ import annotations

import gc
import weakref

import pytest

from fakes import FakeAnswer, FakeExchange, FakeProvider, FakeReply
from pipeline.houses import World, body, call
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

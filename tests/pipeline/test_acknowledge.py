"""A call that asks nothing of its model is answered, and nothing comes of it."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from fakes import FakeReply
from pipeline.houses import World, call, planned
from tollhouse.dialects.ollama_chat import OllamaChat
from tollhouse.domain.errors import FieldInvalid
from tollhouse.pipeline.acknowledge import acknowledge
from tollhouse.pipeline.serve import serve

pytestmark = pytest.mark.req("OL-1")


@pytest.mark.parametrize(
    ("is_stream", "media"), [(True, b"application/x-ndjson"), (False, b"application/json")]
)
async def test_it_is_acknowledged_as_its_client_reads_it(is_stream: bool, media: bytes) -> None:
    body = json.dumps({"model": "m", "messages": [], "stream": is_stream}).encode()
    world, reply = World(), FakeReply()
    asking = call(raw=body, reply=reply)

    await serve(replace(asking, route=replace(asking.route, dialect=OllamaChat())), world.house)

    headers = dict(reply.headers)
    assert (reply.status, reply.is_ended, headers[b"content-type"]) == (200, True, media)
    assert headers[b"content-length"] == b"%d" % len(reply.said)
    assert json.loads(reply.said)["done"] is True
    assert not world.ledger.holds


async def test_in_a_dialect_that_has_no_such_thing_it_is_refused() -> None:
    with pytest.raises(FieldInvalid):
        await acknowledge(call(), planned().ask)

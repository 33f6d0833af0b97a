"""Tokens counted before they are paid for: by a target, or here where none can or none answers."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from fakes import FakeAnswer, FakeExchange, FakeProvider, FakeReply
from pipeline.houses import World, call, snapshot
from tollhouse.dialects.anthropic_count import AnthropicCount
from tollhouse.domain.errors import RateLimited, UpstreamBroke, UpstreamRejected
from tollhouse.domain.limiting import Defaults, Rules
from tollhouse.domain.rates import Measure
from tollhouse.pipeline.call import Call
from tollhouse.pipeline.count import count
from tollhouse.state.memory import MemoryLimiter

BODY = json.dumps({"model": "m", "messages": [{"role": "user", "content": "hello"}]}).encode()
JSON = {b"content-type": b"application/json"}
THEIRS = b'{"input_tokens":7}'


def asking(reply: FakeReply) -> Call:
    it = call(raw=BODY, reply=reply)
    return replace(it, route=replace(it.route, dialect=AnthropicCount(), serve=count))


def world(exchange: FakeExchange, *others: FakeExchange) -> World:
    first = FakeProvider(exchange, dialect=AnthropicCount())
    rest = {name: FakeProvider(*others) for name in ("second", "third")}
    return World(providers={"first": first, **rest})


@pytest.mark.req("R-8")
async def test_the_target_counts_where_it_can() -> None:
    reply = FakeReply()

    await count(asking(reply), world(FakeExchange(FakeAnswer(200, [THEIRS], JSON))).house)

    assert (reply.status, reply.said) == (200, THEIRS)


@pytest.mark.req("R-8")
@pytest.mark.parametrize(
    "exchange",
    [FakeExchange(UpstreamBroke()), FakeExchange(FakeAnswer(500, [b"{}"], JSON))],
    ids=["broke", "500"],
)
async def test_else_it_is_counted_here(exchange: FakeExchange) -> None:
    reply = FakeReply()

    await count(asking(reply), world(exchange).house)

    assert reply.status == 200
    assert json.loads(reply.said)["input_tokens"] > 0
    assert reply.said != THEIRS


@pytest.mark.req("R-8")
async def test_where_no_target_can_count_nobody_is_asked() -> None:
    reply, it = FakeReply(), world(FakeExchange(FakeAnswer(200, [THEIRS], JSON)))
    it.providers = dict.fromkeys(it.providers, it.providers["second"])

    await count(asking(reply), it.house)

    assert json.loads(reply.said)["input_tokens"] > 0
    assert it.providers["second"].sent == []


@pytest.mark.req("S-76")
async def test_why_a_target_takes_no_such_body_is_told() -> None:
    told = b'{"type": "error", "error": {"type": "invalid_request_error", "message": "no"}}'

    with pytest.raises(UpstreamRejected):
        await count(asking(FakeReply()), world(FakeExchange(FakeAnswer(400, [told], JSON))).house)


async def test_what_was_begun_is_not_begun_anew() -> None:
    class Breaks(FakeReply):
        async def end(self, chunk: bytes = b"") -> None:
            raise UpstreamBroke

    reply = Breaks()

    with pytest.raises(UpstreamBroke):
        await count(asking(reply), world(FakeExchange(FakeAnswer(200, [THEIRS], JSON))).house)
    assert reply.said == b""


@pytest.mark.req("P-31")
async def test_it_is_a_request_like_any_other() -> None:
    said = {"route:chat": {Measure.REQUESTS_PER_DAY: 1}}
    limits = Rules(Defaults(), said).of_key("k", "u", "p", "t")
    it = world(FakeExchange(UpstreamBroke()))
    it.snapshot, it.limiter = snapshot(limits), MemoryLimiter(clock_us=lambda: 0)

    await count(asking(FakeReply()), it.house)
    with pytest.raises(RateLimited):
        await count(asking(FakeReply()), it.house)

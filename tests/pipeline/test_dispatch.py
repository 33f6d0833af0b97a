from __future__ import annotations

import asyncio
import json
from contextlib import suppress

import pytest

from fakes import FakeAnswer, FakeExchange, FakeProvider, FakeReply
from pipeline.houses import TARGETS, World, body, call, planned
from tollhouse.domain.budget import Outcome
from tollhouse.domain.errors import (
    Problem,
    UpstreamBroke,
    UpstreamDenied,
    UpstreamFailed,
    UpstreamNotFound,
    UpstreamRateLimited,
    UpstreamRejected,
    UpstreamTimeout,
    UpstreamUnreachable,
)
from tollhouse.domain.metering import Meter
from tollhouse.pipeline.dispatch import SILENCE_S, dispatched


def unreachable() -> FakeExchange:
    return FakeExchange(UpstreamUnreachable(), is_sent=False)


def refuses(status: int, **headers: bytes) -> FakeExchange:
    message = json.dumps({"error": {"message": f"the answer is {status}"}}).encode()
    named = {name.replace("_", "-").encode(): value for name, value in headers.items()}
    return FakeExchange(FakeAnswer(status, [message], named))


def answers() -> FakeExchange:
    return FakeExchange(FakeAnswer(200, [b"{}"]))


@pytest.mark.req("R-16", "P-20")
@pytest.mark.parametrize(
    "first", [unreachable(), *(refuses(status) for status in (401, 403, 404, 408, 429, 500, 502, 503, 504, 529))]
)  # fmt: skip
async def test_the_next_target_is_asked_when_this_one_surely_did_no_work(
    first: FakeExchange,
) -> None:
    world = _world(first, answers())
    meter = Meter("call-1", planned())

    answered = await _dispatch(world, meter)

    assert answered == 200
    assert [len(world.providers[name].sent) for name in TARGETS] == [1, 1, 0]
    assert meter.leg is meter.plan.legs[1]
    assert [attempt.target for attempt in meter.attempts] == ["first:m-real"]
    assert first.is_closed or first.answer.__class__ is UpstreamUnreachable


@pytest.mark.req("P-20", "R-16")
@pytest.mark.parametrize("error", [UpstreamBroke, UpstreamTimeout])
async def test_a_request_whose_fate_is_unknown_is_never_sent_again(error: type[Problem]) -> None:
    world = _world(FakeExchange(error()), answers())
    meter = Meter("call-1", planned())

    with pytest.raises(error):
        await _dispatch(world, meter)

    assert world.providers["second"].sent == []
    assert meter.outcome is Outcome.UNKNOWN
    assert world.watch.attempts == [("first", Outcome.UNKNOWN)]


@pytest.mark.req("P-20")
@pytest.mark.parametrize("error", [UpstreamBroke, UpstreamTimeout])
async def test_what_broke_before_a_byte_left_costs_nothing(error: type[Problem]) -> None:
    world = _world(FakeExchange(error(), is_sent=False))
    meter = Meter("call-1", planned())

    with pytest.raises(error):
        await _dispatch(world, meter)

    assert meter.outcome is Outcome.NOT_SENT


@pytest.mark.req("R-16")
@pytest.mark.parametrize("status", [400, 409, 413, 422])
async def test_what_one_provider_does_not_accept_is_not_tried_at_another(status: int) -> None:
    world = _world(refuses(status), answers())

    with pytest.raises(UpstreamRejected) as rejected:
        await _dispatch(world, Meter("call-1", planned()))

    assert f"the answer is {status}" in rejected.value.detail
    assert world.providers["second"].sent == []


@pytest.mark.req("S-58", "R-16")
@pytest.mark.parametrize(
    ("status", "problem"),
    [
        (401, UpstreamDenied),
        (402, UpstreamDenied),
        (403, UpstreamDenied),
        (404, UpstreamNotFound),
        (408, UpstreamTimeout),
        (429, UpstreamRateLimited),
        (500, UpstreamFailed),
        (503, UpstreamFailed),
        (504, UpstreamTimeout),
        (204, UpstreamFailed),
        (301, UpstreamFailed),
        (418, UpstreamFailed),
    ],
)
async def test_when_all_have_refused_the_last_refusal_is_told_in_our_words(
    status: int, problem: type[Problem]
) -> None:
    world = _world(refuses(500), unreachable(), refuses(status))
    meter = Meter("call-1", planned())

    with pytest.raises(problem) as failed:
        await _dispatch(world, meter)

    assert "the answer is" not in f"{failed.value.detail}{failed.value.private}"
    assert [attempt.outcome for attempt in meter.attempts] == [
        Outcome.REFUSED,
        Outcome.NOT_SENT,
        Outcome.REFUSED,
    ]
    assert meter.settle(1).owed == 0


@pytest.mark.req("R-11")
@pytest.mark.parametrize(
    ("given", "told"),
    [(b"7", 7), (b"0", 1), (b"86400", 60), (b"soon", 5), (b"-1", 5), (b"", 5), (b"\xb2", 5)],
)
async def test_a_providers_wait_is_passed_on_within_bounds(given: bytes, told: int) -> None:
    world = _world(*(refuses(429, retry_after=given) for _ in TARGETS))

    with pytest.raises(UpstreamRateLimited) as limited:
        await _dispatch(world, Meter("call-1", planned()))

    assert limited.value.retry_after_s == told


@pytest.mark.req("S-71")
async def test_an_error_is_read_only_so_far() -> None:
    endless = FakeAnswer(500, [b"x" * 65_536] * 100)
    world = _world(FakeExchange(endless), answers())

    await _dispatch(world, Meter("call-1", planned()))

    assert len(await endless.read()) == 65_536, "it was read to its end"


async def test_each_target_is_told_its_own_model_and_bound() -> None:
    world = _world(refuses(500), answers())

    await _dispatch(world, Meter("call-1", planned()))

    for name in ("first", "second"):
        (sending,) = world.providers[name].sent
        sent = json.loads(sending.body)
        assert (sent["model"], sent["max_tokens"]) == ("m-real", 10)


@pytest.mark.req("B-5", "P-30")
@pytest.mark.parametrize(
    ("is_gone", "outcome"), [(True, Outcome.CUT_BY_CLIENT), (False, Outcome.CUT_BY_GATEWAY)]
)
async def test_who_cancels_in_the_middle_of_an_answer_is_noted(
    is_gone: bool, outcome: Outcome
) -> None:
    exchange = FakeExchange(FakeAnswer(200, [None]))
    world, meter = _world(exchange), Meter("call-1", planned())
    incoming, reading = call(reply=FakeReply(is_gone=is_gone)), asyncio.Event()

    async def read() -> None:
        async with dispatched(incoming, meter.plan, body(), meter, world.house) as (answer, _):
            meter.streaming(incoming.route.dialect.relay(meter.plan.ask))
            reading.set()
            await answer.read()

    task = asyncio.create_task(read())
    await reading.wait()
    task.cancel()
    await asyncio.wait([task])

    assert (meter.outcome, exchange.is_closed) == (outcome, True)


@pytest.mark.req("B-5", "P-8")
async def test_who_breaks_off_in_the_middle_of_an_answer_is_noted_too() -> None:
    world = _world(FakeExchange(FakeAnswer(200, [UpstreamBroke()])))
    meter, incoming = Meter("call-1", planned()), call()

    with suppress(UpstreamBroke):
        async with dispatched(incoming, meter.plan, body(), meter, world.house) as (answer, _):
            meter.streaming(incoming.route.dialect.relay(meter.plan.ask))
            await answer.read()

    assert meter.outcome is Outcome.CUT_BY_UPSTREAM


@pytest.mark.req("R-9", "P-30")
@pytest.mark.parametrize("is_stream", [False, True])
async def test_a_stream_shows_that_it_lives_and_a_whole_answer_cannot(is_stream: bool) -> None:
    world, reply = _world(answers()), FakeReply()
    meter, incoming = Meter("call-1", planned(is_stream=is_stream)), call(reply=reply)

    async with dispatched(incoming, meter.plan, body(), meter, world.house):
        meter.completed(incoming.route.dialect.relay(meter.plan.ask))

    assert reply.silence_s == (SILENCE_S if is_stream else None)


@pytest.mark.req("P-30", "B-6")
async def test_a_caller_that_leaves_before_the_first_byte_leaves_an_unknown_end() -> None:
    world, meter = _world(FakeExchange(None), answers()), Meter("call-1", planned())
    task = asyncio.create_task(_dispatch(world, meter))
    while not world.providers["first"].sent:
        await asyncio.sleep(0)

    task.cancel()
    await asyncio.wait([task])

    assert meter.outcome is Outcome.UNKNOWN
    assert world.providers["second"].sent == []


def _world(*exchanges: FakeExchange) -> World:
    """Each exchange at its own target, in order; a target without one is never asked."""
    spare = [FakeExchange(AssertionError("nobody asks")) for _ in TARGETS]
    each = [*exchanges, *spare][: len(TARGETS)]
    return World(providers={name: FakeProvider(it) for name, it in zip(TARGETS, each, strict=True)})


async def _dispatch(world: World, meter: Meter) -> int:
    incoming = call()
    async with dispatched(incoming, meter.plan, body(), meter, world.house) as (answer, _):
        meter.completed(incoming.route.dialect.relay(meter.plan.ask))
        return answer.status

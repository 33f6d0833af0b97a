from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import Any, cast

import pytest

from fakes import FakeAnswer, FakeReply
from pipeline.houses import World, call, planned
from tollhouse.dialects.openai_chat import OpenAIChat
from tollhouse.domain.budget import Outcome
from tollhouse.domain.counting import most_text
from tollhouse.domain.errors import (
    Problem,
    UpstreamBroke,
    UpstreamFailed,
    UpstreamOverlong,
    UpstreamTimeout,
)
from tollhouse.domain.metering import Meter
from tollhouse.domain.pricing import Usage
from tollhouse.domain.tasks import Task
from tollhouse.pipeline.lanes import Native
from tollhouse.pipeline.relay import (
    MOST_AFTER_THE_END,
    MOST_BESIDE_TOKENS,
    MOST_OF_A_BODY,
    MOST_OF_A_STREAM,
    MOST_OF_A_TOKEN,
    TIMES_SAID_AGAIN,
    _bounded,
    relay,
)

EVENTS = {b"content-type": b"text/event-stream; charset=utf-8"}
HI = b'data: {"choices":[{"delta":{"content":"hi"},"finish_reason":null}]}\n\n'
END = b'data: {"choices":[{"delta":{},"finish_reason":"stop"}]}\n\n'
USAGE = b'data: {"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":2}}\n\n'
DONE = b"data: [DONE]\n\n"
WHOLE = b'{"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":2}}'


@pytest.mark.req("R-9", "P-7")
async def test_a_stream_passes_and_its_usage_is_owed() -> None:
    reply, meter = FakeReply(), _meter(is_stream=True)

    await relay(
        FakeAnswer(200, [HI, END + USAGE, DONE], EVENTS),
        _native(meter),
        call(reply=reply),
        meter.plan,
        meter,
    )

    assert reply.said == HI + END + DONE
    assert (reply.status, reply.is_ended) == (200, True)
    assert (b"content-type", b"text/event-stream") in reply.headers
    assert (b"x-tollhouse-target", b"first:m-real") in reply.headers
    settlement = meter.settle(1)
    assert (settlement.outcome, settlement.usage) == (Outcome.COMPLETED, Usage(9, 2))


@pytest.mark.req("R-9")
async def test_the_first_event_is_written_before_the_second_is_read() -> None:
    answer = FakeAnswer(200, [HI, END, DONE], EVENTS)
    left: list[int] = []
    reply, meter = (
        FakeReply(on_write=lambda: left.append(len(answer._left))),
        _meter(is_stream=True),
    )

    await relay(answer, _native(meter), call(reply=reply), meter.plan, meter)

    assert left == [2, 1, 0]


@pytest.mark.req("P-8", "B-5")
@pytest.mark.parametrize(
    ("last", "problem"),
    [
        (UpstreamBroke(), UpstreamBroke),
        (UpstreamTimeout(), UpstreamTimeout),
        (b"", UpstreamBroke),
        (b'data: {"error":{"message":"no"}}\n\n', UpstreamFailed),
    ],
)
async def test_a_stream_that_breaks_off_has_no_end_and_is_owed_as_far_as_it_came(
    last: bytes | Exception, problem: type[Problem]
) -> None:
    reply, meter = FakeReply(), _meter(is_stream=True)

    with pytest.raises(problem):
        await relay(
            FakeAnswer(200, [HI, last], EVENTS),
            _native(meter),
            call(reply=reply),
            meter.plan,
            meter,
        )

    assert (reply.said, reply.is_ended) == (HI, False)
    settlement = meter.settle(1)
    assert (settlement.outcome, settlement.usage.output) == (Outcome.CUT_BY_UPSTREAM, 1)
    assert settlement.owed > 0


@pytest.mark.req("R-10")
async def test_after_an_error_within_a_stream_nothing_more_is_waited_for() -> None:
    error = b'data: {"error":{"message":"no"}}\n\n'
    answer = FakeAnswer(200, [HI, error, AssertionError("it was read on")], EVENTS)
    meter = _meter(is_stream=True)

    with pytest.raises(UpstreamFailed):
        await relay(answer, _native(meter), call(), meter.plan, meter)


@pytest.mark.req("R-9")
async def test_a_stream_is_never_answered_with_plain_json() -> None:
    reply, meter = FakeReply(), _meter(is_stream=True)

    with pytest.raises(UpstreamBroke):
        await relay(
            FakeAnswer(200, [WHOLE], {b"content-type": b"application/json"}),
            *(_native(meter), call(reply=reply), meter.plan, meter),
        )

    assert not reply.is_started
    assert meter.outcome is Outcome.CUT_BY_UPSTREAM


@pytest.mark.req("P-7")
async def test_a_whole_answer_passes_as_it_came() -> None:
    reply, meter = FakeReply(), _meter()

    await relay(
        FakeAnswer(200, [WHOLE[:9], WHOLE[9:]]),
        _native(meter),
        call(reply=reply),
        meter.plan,
        meter,
    )

    assert (reply.said, reply.is_ended) == (WHOLE, True)
    assert (b"content-length", b"%d" % len(WHOLE)) in reply.headers
    assert meter.settle(1).usage == Usage(9, 2)


@pytest.mark.req("P-8")
@pytest.mark.parametrize(
    ("pieces", "problem", "outcome"),
    [
        ([WHOLE[:20]], UpstreamBroke, Outcome.CUT_BY_UPSTREAM),
        ([b""], UpstreamBroke, Outcome.CUT_BY_UPSTREAM),
        ([WHOLE[:20], UpstreamBroke()], UpstreamBroke, Outcome.UNKNOWN),
        ([WHOLE[:20], UpstreamTimeout()], UpstreamTimeout, Outcome.UNKNOWN),
        ([json.dumps({"error": "x"}).encode()], UpstreamFailed, Outcome.REFUSED),
        (
            [*[b"x" * (MOST_OF_A_BODY // 2 + 1)] * 2, AssertionError("it was read on")],
            *(UpstreamBroke, Outcome.CUT_BY_UPSTREAM),
        ),
    ],
    ids=["half", "nothing", "cut", "late", "an error", "too long"],
)
async def test_of_an_answer_that_is_not_whole_nothing_is_passed_and_its_end_is_noted(
    pieces: list[bytes | Exception], problem: type[Problem], outcome: Outcome
) -> None:
    reply, meter = FakeReply(), _meter()

    with pytest.raises(problem):
        await relay(FakeAnswer(200, pieces), _native(meter), call(reply=reply), meter.plan, meter)

    assert not reply.is_started
    assert meter.outcome is outcome


@pytest.mark.req("S-73", "H-145")
@pytest.mark.parametrize("encoding", [b"gzip", b"br", b"GZIP", b"identity, gzip", b"deflate"])
@pytest.mark.parametrize("is_stream", [False, True])
async def test_an_encoding_that_nobody_asked_for_is_not_undone(
    encoding: bytes, is_stream: bool
) -> None:
    reply, meter = FakeReply(), _meter(is_stream=is_stream)
    answer = FakeAnswer(200, [HI, END, DONE], {**EVENTS, b"content-encoding": encoding})

    with pytest.raises(UpstreamBroke):
        await relay(answer, _native(meter), call(reply=reply), meter.plan, meter)

    assert not reply.is_started


@pytest.mark.req("S-71", "H-145")
@pytest.mark.parametrize(
    "behind",
    [
        [None],
        [b"x" * MOST_AFTER_THE_END, AssertionError("it was read on")],
        [UpstreamBroke()],
        [UpstreamTimeout()],
        [HI],
    ],
    ids=["silence", "endless", "cut", "late", "more words"],
)
async def test_after_the_end_of_a_stream_nothing_holds_it_up_or_spoils_it(
    behind: list[bytes | Exception | None],
) -> None:
    reply, meter = FakeReply(), _meter(is_stream=True)
    answer = FakeAnswer(200, [HI + END + DONE, *behind], EVENTS)

    async with asyncio.timeout(5):
        await relay(answer, _native(meter), call(reply=reply), meter.plan, meter)

    assert (reply.said, reply.is_ended) == (HI + END + DONE, True)
    assert meter.outcome is Outcome.COMPLETED


@pytest.mark.req("R-8", "P-30")
async def test_who_leaves_on_the_last_word_has_cut_nothing() -> None:
    reply, meter = FakeReply(), _meter(is_stream=True)
    answer = FakeAnswer(200, [HI + END + DONE, None], EVENTS)
    relaying = asyncio.create_task(
        relay(answer, _native(meter), call(reply=reply), meter.plan, meter)
    )
    while not reply.said.endswith(DONE):
        await asyncio.sleep(0)

    relaying.cancel()
    await asyncio.wait([relaying])

    assert meter.outcome is Outcome.COMPLETED


@pytest.mark.req("P-7")
async def test_a_stream_whose_answer_is_whole_is_complete_though_its_end_did_not_come() -> None:
    reply, meter = FakeReply(), _meter(is_stream=True)

    await relay(
        FakeAnswer(200, [HI, END], EVENTS), _native(meter), call(reply=reply), meter.plan, meter
    )

    assert reply.said == HI + END + DONE
    assert meter.outcome is Outcome.COMPLETED


async def test_what_little_follows_the_end_of_a_stream_is_read_so_that_the_connection_can_stay() -> (
    None
):
    meter = _meter(is_stream=True)
    answer = FakeAnswer(200, [HI + END + DONE, b"\n", b"\n"], EVENTS)

    await relay(answer, _native(meter), call(), meter.plan, meter)

    assert await answer.read() == b""
    assert answer._left == []


@pytest.mark.req("S-71")
async def test_a_stream_without_bound_is_cut() -> None:
    block = HI[:-3] + b',"x":"%b"}\n\n' % (b"x" * 1024 * 1024)
    pieces: list[bytes | Exception] = [block] * (MOST_OF_A_STREAM // len(block) + 1)
    pieces.append(AssertionError("it was read on"))
    meter, reply = _meter(is_stream=True), FakeReply()
    reply.on_write = lambda: setattr(reply, "said", b"")

    with pytest.raises(UpstreamBroke):
        await relay(
            FakeAnswer(200, pieces, EVENTS), _native(meter), call(reply=reply), meter.plan, meter
        )


@pytest.mark.req("S-71", "B-4")
@pytest.mark.parametrize("more", [0, 1])
async def test_as_many_bytes_pass_as_so_many_tokens_can_need(more: int) -> None:
    meter, reply = _meter(is_stream=True), FakeReply()
    ask, leg = meter.plan.ask, meter.plan.legs[0]
    most = leg.output_tokens * MOST_OF_A_TOKEN + MOST_BESIDE_TOKENS
    most += TIMES_SAID_AGAIN * ask.input_bytes
    pieces = [HI, *_wordy(most + more - len(HI + END)), END, DONE]
    relaying = relay(
        FakeAnswer(200, pieces, EVENTS), _native(meter), call(reply=reply), meter.plan, meter
    )

    if more:
        with pytest.raises(UpstreamOverlong):
            await relaying
    else:
        await relaying

    assert meter.outcome is (Outcome.CUT_BY_GATEWAY if more else Outcome.COMPLETED)


@pytest.mark.req("S-71", "B-4")
async def test_what_is_no_text_may_have_as_many_bytes_as_any_stream() -> None:
    meter = _meter(is_stream=True)
    ask = replace(meter.plan.ask, task=Task.SPEECH)
    meter.plan = replace(meter.plan, ask=ask)
    pieces = [HI, *_wordy(2 * MOST_BESIDE_TOKENS), END + DONE]

    await relay(FakeAnswer(200, pieces, EVENTS), _native(meter), call(), meter.plan, meter)

    assert meter.outcome is Outcome.COMPLETED


@pytest.mark.req("S-71", "B-4")
async def test_however_many_tokens_were_asked_for_a_stream_has_an_end() -> None:
    meter = _meter(is_stream=True)
    leg = replace(meter.plan.legs[0], output_tokens=10**9)
    meter.sent(leg)

    assert _bounded(_native(meter).relay(), meter) == MOST_OF_A_STREAM
    assert _bounded(cast(Any, "one that measures nothing"), meter) == MOST_OF_A_STREAM


@pytest.mark.req("S-71", "B-4")
async def test_more_words_than_the_tokens_could_be_are_cut_and_it_was_us_who_cut() -> None:
    meter, reply = _meter(is_stream=True), FakeReply()
    word = HI.replace(b"hi", b"x" * most_text(meter.plan.legs[0].output_tokens))
    pieces: list[bytes | Exception] = [*[word] * 200, AssertionError("it was read on")]

    with pytest.raises(UpstreamOverlong):
        await relay(
            FakeAnswer(200, pieces, EVENTS), _native(meter), call(reply=reply), meter.plan, meter
        )

    assert meter.outcome is Outcome.CUT_BY_GATEWAY


@pytest.mark.req("B-14")
@pytest.mark.parametrize("is_stream", [True, False])
async def test_where_receipts_are_given_the_answer_says_where_or_bears_it(is_stream: bool) -> None:
    async def settled() -> tuple[tuple[bytes, bytes], ...]:
        return ((b"x-tollhouse-receipt", b"signed"),)

    async def told(*, has_receipt: bool) -> set[tuple[bytes, bytes]]:
        meter, reply = _meter(is_stream=is_stream), FakeReply()
        meter.receipt = settled if has_receipt else None
        answer = FakeAnswer(200, [HI + END + DONE] if is_stream else [WHOLE], EVENTS)
        await relay(answer, _native(meter), call(reply=reply), meter.plan, meter)
        return {header for header in reply.headers if header[0].startswith(b"x-tollhouse-rec")}

    there = (b"x-tollhouse-receipt-at", b"/v1/receipts/call-1")
    assert await told(has_receipt=True) == (
        {there} if is_stream else {(b"x-tollhouse-receipt", b"signed")}
    )
    assert await told(has_receipt=False) == set()


@pytest.mark.req("S-71")
async def test_a_whole_answer_without_bound_is_cut_though_it_could_be_read() -> None:
    pieces = [b" " * 1024 * 1024] * (MOST_OF_A_BODY // (1024 * 1024)) + [WHOLE]
    meter, reply = _meter(), FakeReply()

    with pytest.raises(UpstreamOverlong):
        await relay(FakeAnswer(200, pieces), _native(meter), call(reply=reply), meter.plan, meter)

    assert not reply.is_started


async def test_a_whole_answer_is_json_unless_another_kind_was_asked_for() -> None:
    kinds = []
    for media in (None, b"audio/wav"):
        meter, reply = _meter(), FakeReply()
        plan = replace(meter.plan, ask=replace(meter.plan.ask, media=media))
        meter.plan = plan
        await relay(FakeAnswer(200, [WHOLE]), _native(meter), call(reply=reply), plan, meter)
        kinds.append(dict(reply.headers)[b"content-type"])

    assert kinds == [b"application/json", b"audio/wav"]


def _wordy(size: int) -> list[bytes]:
    """Events with something beside their words, of so many bytes together."""
    usual, least = 32 * 1024, 200
    whole, rest = divmod(size - least, usual)
    said = [HI[:-3] + b',"x":"%b"}\n\n'] * (whole + 1)
    sizes = [*[usual] * whole, rest + least]
    return [
        event % (b"x" * (each - len(event) + 2)) for event, each in zip(said, sizes, strict=True)
    ]


def _meter(*, is_stream: bool = False) -> Meter:
    plan = planned(is_stream=is_stream)
    meter = Meter("call-1", plan)
    meter.sent(plan.legs[0])
    return meter


def _native(meter: Meter) -> Native:
    return Native(OpenAIChat(), call(), meter.plan, meter.plan.legs[0], World().house.seals)

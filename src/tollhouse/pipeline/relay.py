"""Bytes through to the caller, as they come; usage noticed on the way."""

from __future__ import annotations

import asyncio

from tollhouse.domain.budget import Outcome
from tollhouse.domain.counting import Bounded
from tollhouse.domain.errors import (
    UpstreamBroke,
    UpstreamFailed,
    UpstreamOverlong,
    UpstreamRateLimited,
    UpstreamRejected,
    UpstreamTimeout,
)
from tollhouse.domain.metering import Meter
from tollhouse.domain.models import Plan
from tollhouse.domain.tasks import Task
from tollhouse.pipeline.call import Call
from tollhouse.pipeline.lanes import Lane, stream_headers
from tollhouse.ports import Answer, Headers, Relay, Reply

MOST_OF_A_BODY = 64 * 1024 * 1024
MOST_OF_A_STREAM = 256 * 1024 * 1024
MOST_OF_A_TOKEN = 8 * 1024
"""In a stream: an event of its own, with all that may be told of it."""

MOST_BESIDE_TOKENS = 1024 * 1024
TIMES_SAID_AGAIN = 8
"""How often an answer may repeat what was asked: events of Responses bear all instructions and tools."""

OF_WORDS = frozenset((Task.CHAT, Task.COMPLETIONS))
MOST_AFTER_THE_END = 64 * 1024
LINGER_S = 0.25


async def relay(answer: Answer, lane: Lane, call: Call, plan: Plan, meter: Meter) -> None:
    passing = lane.relay()
    why = _unfit(answer, lane.spoken.stream_type if plan.ask.is_stream else None)
    if why is not None:
        meter.streaming(passing)  # it came: what is owed is what can be counted of it
        raise UpstreamBroke(private=why)
    if plan.ask.is_stream:
        await _stream(answer, passing, call, meter)
    else:
        await _whole(answer, passing, call.reply, meter)


async def _stream(answer: Answer, passing: Relay, call: Call, meter: Meter) -> None:
    meter.streaming(passing)
    reply, size, most = call.reply, 0, _bounded(passing, meter)
    media = meter.plan.ask.media
    later = () if meter.receipt is None else ((b"x-tollhouse-receipt-at", _receipt_at(meter)),)
    await reply.start(200, (*stream_headers(call.route.dialect, media), *_told(meter), *later))
    while chunk := await answer.read():
        size += len(chunk)
        chunk = passing.feed(chunk)  # while the caller does not read, it is all there is
        if chunk:
            await reply.write(chunk)
        if passing.failure is not None:
            if isinstance(passing.failure, UpstreamOverlong):
                meter.cut(by_client=False)
            raise passing.failure
        if passing.is_over:
            meter.completed(passing)  # some callers hang up on the last word
            await _see_out(answer)
            break
        if size > most:
            meter.cut(by_client=False)
            raise UpstreamOverlong(private=f"the stream is longer than {most} bytes")
    rest = passing.finish()
    meter.completed(passing)
    await reply.end(rest)


def _bounded(passing: Relay, meter: Meter) -> int:
    """What was held bounds the text that may pass; and bytes, whatever they are."""
    ask, leg = meter.plan.ask, meter.leg
    if leg is None or ask.task not in OF_WORDS:
        return MOST_OF_A_STREAM
    tokens = leg.output_tokens * ask.choices + ask.predicted_bytes
    if isinstance(passing, Bounded):
        passing.bound(tokens)
    beside = MOST_BESIDE_TOKENS + TIMES_SAID_AGAIN * ask.input_bytes
    return min(MOST_OF_A_STREAM, tokens * MOST_OF_A_TOKEN + beside)


async def _whole(answer: Answer, passing: Relay, reply: Reply, meter: Meter) -> None:
    try:
        await _read_whole(answer, passing)
    except UpstreamOverlong:
        meter.streaming(passing)
        raise
    body = _finished(passing, meter, answer.status)
    meter.completed(passing)
    length = (b"content-length", b"%d" % len(body))
    media = meter.plan.ask.media or b"application/json"
    receipt = () if meter.receipt is None else await meter.receipt()
    await reply.start(200, ((b"content-type", media), length, *_told(meter), *receipt))
    await reply.end(body)


async def _read_whole(answer: Answer, passing: Relay) -> None:
    size = 0
    while chunk := await answer.read():
        size += len(chunk)
        if size > MOST_OF_A_BODY:
            raise UpstreamOverlong(private="the answer is longer than 64 MiB")
        passing.feed(chunk)


def _finished(passing: Relay, meter: Meter, status: int) -> bytes:
    """Its end was seen, so nothing stays held, whatever it turns out to be."""
    try:
        return passing.finish()
    except (UpstreamFailed, UpstreamRateLimited, UpstreamRejected):
        meter.failed(Outcome.REFUSED, status)
        raise
    except UpstreamBroke:
        meter.streaming(passing)
        raise


def _unfit(answer: Answer, stream_type: bytes | None) -> str | None:
    """Nothing is decompressed, so that no few bytes become many."""
    headers = answer.headers
    if headers.get(b"content-encoding", b"identity").lower() not in (b"identity", b""):
        return "an encoding that was not asked for"
    if stream_type and not headers.get(b"content-type", b"").lower().startswith(stream_type):
        return "a stream was asked for, and something else came"
    return None


async def _see_out(answer: Answer) -> None:
    """If the connection ends the answer here too, it can be kept; the caller waits no longer than this."""
    left = MOST_AFTER_THE_END
    try:
        async with asyncio.timeout(LINGER_S):
            while left > 0 and (chunk := await answer.read()):
                left -= len(chunk)
    except (TimeoutError, UpstreamBroke, UpstreamTimeout):
        return


def _receipt_at(meter: Meter) -> bytes:
    """What a stream comes to is known when it is over."""
    return b"/v1/receipts/" + meter.call.encode()


def _told(meter: Meter) -> Headers:
    """Who answered, and what it was not told."""
    name = meter.leg.target.name if meter.leg else ""
    target = (b"x-tollhouse-target", name.encode("ascii", "replace"))
    if not meter.unsaid:
        return (target,)
    return (target, (b"x-tollhouse-unsaid", ", ".join(meter.unsaid).encode()))

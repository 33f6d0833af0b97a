"""Send to the first target that answers; after the first byte there is no other."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tollhouse.domain.budget import Outcome
from tollhouse.domain.errors import (
    Failure,
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
from tollhouse.domain.models import Leg, Plan
from tollhouse.pipeline.call import Call
from tollhouse.pipeline.house import House
from tollhouse.ports import Answer, Exchange

SILENCE_S = 15.0
STREAM_HEADERS = ((b"content-type", b"text/event-stream"), (b"x-accel-buffering", b"no"))
MOST_OF_AN_ERROR = 16 * 1024
LONGEST_RETRY_S = 60


@asynccontextmanager
async def dispatched(
    call: Call, plan: Plan, body: bytes, meter: Meter, house: House
) -> AsyncIterator[Answer]:
    """The answer of the first target that gives one.

    The next target is tried only when this one surely did no work: it could not be reached,
    or it answered with an error. A request whose fate is unknown is never sent again.
    """
    if plan.ask.is_stream:
        call.reply.keep_alive(call.route.dialect.silence(), STREAM_HEADERS, SILENCE_S)
    problem: Problem = UpstreamUnreachable()
    for leg in plan.legs:
        exchange = _exchange(call, plan, leg, body, house)
        meter.sent(leg)
        try:
            async with exchange as answer:
                if answer.status == 200:
                    yield answer
                    return
                problem = await _error(call, answer)
                meter.failed(Outcome.REFUSED, answer.status)
        except UpstreamUnreachable as unreachable:
            problem = unreachable
        except asyncio.CancelledError:
            meter.cut(by_client=call.reply.is_gone)
            raise
        finally:
            if meter.outcome is Outcome.UNKNOWN:  # nothing was seen of an answer
                meter.failed(Outcome.UNKNOWN if exchange.is_sent else Outcome.NOT_SENT)
            house.watch.attempted(leg.target.provider, meter.outcome)
        if isinstance(problem, UpstreamRejected):  # another would not take it either
            break
    raise problem


def _exchange(call: Call, plan: Plan, leg: Leg, body: bytes, house: House) -> Exchange:
    provider = house.providers[leg.target.provider]
    outgoing = call.route.dialect.outgoing(body, plan.ask, leg)
    return provider.upstream.send(provider.sending(outgoing))


async def _error(call: Call, answer: Answer) -> Failure:
    """The provider's refusal in our words; its own only where they help, cleaned by the dialect."""
    body = await _beginning(answer)
    private = f"the provider answered {answer.status}{call.route.dialect.error_kind(body)}"
    match answer.status:
        case 400 | 409 | 413 | 422:
            return UpstreamRejected(call.route.dialect.error_message(body), private=private)
        case 404:
            return UpstreamNotFound(private=private)
        case 401 | 402 | 403:
            return UpstreamDenied(private=private)
        case 408 | 504:
            return UpstreamTimeout(private=private)
        case 429:
            return UpstreamRateLimited(private=private, retry_after_s=_retry_after(answer))
    return UpstreamFailed(private=private)


async def _beginning(answer: Answer) -> bytes:
    body = b""
    try:
        while len(body) < MOST_OF_AN_ERROR and (piece := await answer.read()):
            body += piece
    except (UpstreamBroke, UpstreamTimeout):
        return body[:MOST_OF_AN_ERROR]
    return body[:MOST_OF_AN_ERROR]


def _retry_after(answer: Answer) -> int:
    given = answer.headers.get(b"retry-after", b"")
    return min(max(int(given), 1), LONGEST_RETRY_S) if given.isdigit() else 5

"""One try at one target. Whoever keeps count of the target learns once how it ended."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from tollhouse.domain.budget import Outcome
from tollhouse.domain.errors import (
    NotTranslatable,
    Problem,
    UpstreamBroke,
    UpstreamBusy,
    UpstreamFailed,
    UpstreamRateLimited,
    UpstreamRejected,
    UpstreamTimeout,
    UpstreamUnreachable,
)
from tollhouse.domain.exchange import Outgoing
from tollhouse.domain.metering import Meter
from tollhouse.domain.models import Leg, Plan
from tollhouse.domain.retry_after import wished_s
from tollhouse.pipeline.call import Call
from tollhouse.pipeline.house import House
from tollhouse.pipeline.lanes import lane_of
from tollhouse.pipeline.standing import Standing
from tollhouse.pipeline.upstream_errors import problem_of
from tollhouse.ports import Answer, Body, Exchange

BROKEN = (
    UpstreamUnreachable,
    UpstreamBroke,
    UpstreamTimeout,
    UpstreamFailed,
    UpstreamRateLimited,
)
HEALTHY = frozenset(range(400, 500)) - {408, 425, 429}
"""Statuses that are about the request: they say nothing against the target."""


class Attempt:
    """Begins within the target's gate and in an era of its breaker.

    It is left once, by itself if there is nothing to relay.
    """

    __slots__ = (
        *("_call", "_era", "_exchange", "_has_answered", "_house", "_is_open", "_meter", "_plan"),
        *("lane", "leg", "problem", "retry_after_s", "standing", "status"),
    )

    def __init__(
        self,
        call: Call,
        plan: Plan,
        leg: Leg,
        meter: Meter,
        house: House,
        standing: Standing,
        era: int,
    ) -> None:
        self.leg = leg
        self.standing = standing
        self.problem: Problem | None = None
        self.status: int | None = None
        self.retry_after_s: int | None = None
        self._call = call
        self._plan = plan
        self._meter = meter
        self._house = house
        self._era = era
        self._is_open = False
        self._has_answered = False

    async def answer(self, body: Body) -> Answer | None:
        """None when the target surely did no work; `problem` says why. Raises what leaves that open."""
        try:
            exchange = self._exchange = self._send(body)
        except NotTranslatable as refusal:
            self._leave_unsent()
            self.problem = refusal
            return None
        except BaseException:
            self._leave_unsent()
            raise
        self._meter.sent(self.leg)
        try:
            answer = await exchange.__aenter__()
            self._is_open = True
            if answer.status == 200:
                self._has_answered = True
                self._house.standings.answered(self.standing, self._era)
                return answer
            await self._refused(answer)
        except UpstreamUnreachable as unreachable:
            self.problem = unreachable
        except BaseException as error:
            await self.leave(error)
            raise
        await self.leave(self.problem)
        return None

    async def leave(self, error: BaseException | None) -> None:
        """Hang up if the answer has not ended, and tell how it went."""
        meter, exchange = self._meter, self._exchange
        if self._is_open:
            await exchange.__aexit__(None, None, None)
        if isinstance(error, asyncio.CancelledError):
            meter.cut(by_client=self._call.reply.is_gone)
        if meter.outcome is Outcome.UNKNOWN:  # nothing was seen of an answer
            meter.failed(Outcome.UNKNOWN if exchange.is_sent else Outcome.NOT_SENT)
        self._house.watch.attempted(self.leg.target.provider, meter.outcome)
        self._judge(error)
        self.standing.gate.leave()

    def _send(self, body: Body) -> Exchange:
        provider = self._house.providers[self.leg.target.provider]
        lane = self.lane = lane_of(self._call, self._plan, self.leg, provider, self._house.seals)
        said = lane.outgoing(body)
        self._meter.unsaid = lane.unsaid
        if lane.unsaid and self._plan.model.is_strict:
            raise self._half_said(lane.unsaid)
        outgoing = Outgoing(
            lane.spoken.name,
            self.leg.target.model,
            self._plan.ask.is_stream,
            said,
            self._call.headers,
        )
        return provider.upstream.send(provider.sending(outgoing))

    def _half_said(self, unsaid: Sequence[str]) -> NotTranslatable:
        return NotTranslatable(
            f"{self._plan.model.name!r} is strict, and {self.leg.target.name} cannot be told all of "
            f"this call: {', '.join(unsaid)}.",
            param=unsaid[0],
        )

    def _leave_unsent(self) -> None:
        self.standing.breaker.left(self._era)
        self.standing.gate.leave()

    async def _refused(self, answer: Answer) -> None:
        self.status = answer.status
        given = answer.headers.get(b"retry-after", b"")
        wish_s = self.retry_after_s = wished_s(given, self._house.now_s())
        self.problem = await problem_of(answer, self.lane.spoken, wish_s)
        self._meter.failed(Outcome.REFUSED, answer.status)

    def _judge(self, error: BaseException | None) -> None:
        standing, standings, era = self.standing, self._house.standings, self._era
        if error is None:
            standing.breaker.succeeded(era)
        elif isinstance(error, UpstreamRejected):
            standings.answered(standing, era)
        elif self.status in HEALTHY:
            standings.denied(standing, era)
        elif isinstance(error, BROKEN) and not isinstance(error, UpstreamBusy):
            standings.failed(standing, era, error.code, self.retry_after_s, self._plan.legs)
        elif not self._has_answered:
            standing.breaker.left(era)

"""Send to the first target that answers; after the first byte there is no other."""

from __future__ import annotations

from types import TracebackType

from tollhouse.domain.errors import Problem, UpstreamRejected
from tollhouse.domain.metering import Meter
from tollhouse.domain.models import Leg, Plan
from tollhouse.pipeline.attempt import Attempt
from tollhouse.pipeline.call import Call
from tollhouse.pipeline.house import House
from tollhouse.ports import Answer

SILENCE_S = 15.0
STREAM_HEADERS = ((b"content-type", b"text/event-stream"), (b"x-accel-buffering", b"no"))


class dispatched:  # noqa: N801 - read as a participle: `async with dispatched(…)`
    """The answer of the first target that gives one.

    The next target is tried only when this one surely did no work: its breaker is open, it could
    not be reached, or it answered with an error. A request whose fate is unknown is never sent again.
    """

    __slots__ = ("_attempt", "_body", "_call", "_house", "_meter", "_plan", "_problem")

    def __init__(self, call: Call, plan: Plan, body: bytes, meter: Meter, house: House) -> None:
        self._call = call
        self._plan = plan
        self._body = body
        self._meter = meter
        self._house = house
        self._problem: Problem | None = None

    async def __aenter__(self) -> Answer:
        call = self._call
        if self._plan.ask.is_stream:
            call.reply.keep_alive(call.route.dialect.silence(), STREAM_HEADERS, SILENCE_S)
        for leg in self._house.standings.in_order(self._plan.legs):
            answer = await self._ask(leg)
            if answer is not None:
                return answer
            if isinstance(self._problem, UpstreamRejected):  # another would not take it either
                break
        raise self._problem or self._house.standings.all_shut(self._plan.legs)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._attempt.leave(error)

    async def _ask(self, leg: Leg) -> Answer | None:
        house = self._house
        standing = house.standings.of(leg.target)
        era = house.standings.enter(standing)
        if era is None:
            return None
        attempt = Attempt(self._call, self._plan, leg, self._meter, house, standing)
        self._attempt = attempt
        answer = await attempt.answer(self._body, era)
        self._problem = attempt.problem
        return answer

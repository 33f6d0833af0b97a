"""Send to the first target that answers; after the first byte there is no other."""

from __future__ import annotations

import asyncio
from types import TracebackType

from tollhouse.domain.errors import NotTranslatable, Problem, UpstreamBusy, UpstreamRejected
from tollhouse.domain.fair_line import Ticket
from tollhouse.domain.metering import Meter
from tollhouse.domain.models import Leg, Plan
from tollhouse.domain.retries import is_safe, wait_s
from tollhouse.pipeline.attempt import Attempt
from tollhouse.pipeline.call import Call
from tollhouse.pipeline.house import House
from tollhouse.pipeline.lanes import Lane, stream_headers
from tollhouse.pipeline.standing import Standing
from tollhouse.ports import Answer, Body

SILENCE_S = 15.0


class dispatched:  # noqa: N801 - read as a participle: `async with dispatched(…)`
    """The answer of the first target that gives one.

    The next target is tried only when this one surely did no work: its breaker is open, it could
    not be reached, it has no words for the call, or it answered with an error. Then those that had
    no room are waited for; then, if all have failed, one is asked again. Each try after one that
    failed is paid from what the model's calls have earned. A request whose fate is unknown is
    never sent again.
    """

    __slots__ = (
        *("_attempt", "_body", "_call", "_full", "_has_failed", "_house", "_meter", "_plan"),
        *("_problem", "_standings", "_tries", "_unharmed"),
    )

    def __init__(self, call: Call, plan: Plan, body: Body, meter: Meter, house: House) -> None:
        self._call = call
        self._plan = plan
        self._body = body
        self._meter = meter
        self._house = house
        self._standings = house.standings
        self._tries = house.standings.tries(plan.model.name)
        self._has_failed = False
        self._problem: Problem | None = None
        self._full: tuple[Leg, ...] = ()
        self._unharmed: tuple[Attempt, ...] = ()
        """What failed and may be tried again."""

    async def __aenter__(self) -> tuple[Answer, Lane]:
        call = self._call
        if self._plan.ask.is_stream:
            _show_that_it_lives(call)
        answer = await self._in_turn() or await self._in_line() or await self._once_more()
        if answer is None:
            raise self._problem or self._standings.all_shut(self._plan.legs)
        return answer, self._attempt.lane

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._attempt.leave(error)

    async def _in_turn(self) -> Answer | None:
        standings = self._standings
        for leg in standings.in_order(self._plan.legs):
            standing = standings.of(leg.target)
            if standings.is_shut(standing):
                continue
            if not standing.gate.enter():
                self._full += (leg,)
            elif not self._may_ask():
                standing.gate.leave()
                break
            elif answer := await self._ask(leg, standing):
                return answer
        return None

    async def _in_line(self) -> Answer | None:
        for leg in self._full:
            standing = self._standings.of(leg.target)
            if not self._may_ask():
                break
            try:
                await self._wait(leg, standing)
            except UpstreamBusy as busy:
                self._problem = self._problem or busy
            else:
                if answer := await self._ask(leg, standing):
                    return answer
        return None

    async def _wait(self, leg: Leg, standing: Standing) -> None:
        """In line, and told where: before the first sign of life at the latest."""
        reply = self._call.reply

        def told(ahead: int, expected_s: float | None) -> None:
            expected = b"" if expected_s is None else b", expected_ms=%d" % (expected_s * 1000)
            reply.bear(((b"x-tollhouse-queue", b"ahead=%d%b" % (ahead, expected)),))

        await standing.gate.wait(_ticket(leg, self._plan), told)

    async def _once_more(self) -> Answer | None:
        """Of those that surely did no work, the one that wishes to be left alone least."""
        standings, waited_s = self._standings, 0.0
        rule = standings.rules.retrying
        for number in range(rule.most if self._unharmed else 0):
            failed = min(self._unharmed, key=lambda attempt: attempt.retry_after_s or 0)
            pause_s = wait_s(rule, number, failed.retry_after_s, standings.draw())
            waited_s += pause_s
            standing = failed.standing
            if waited_s > rule.patience_s or not self._tries.spend_again():
                break
            await asyncio.sleep(pause_s)
            self._unharmed = ()
            if standings.is_shut(standing) or not standing.gate.enter():
                break
            if answer := await self._ask(failed.leg, standing):
                return answer
            if not self._unharmed:
                break
        return None

    def _may_ask(self) -> bool:
        return not self._has_failed or self._tries.spend()

    def _begun(self, leg: Leg, standing: Standing, era: int) -> Attempt:
        return Attempt(self._call, self._plan, leg, self._meter, self._house, standing, era)

    async def _ask(self, leg: Leg, standing: Standing) -> Answer | None:
        """Once within the gate. Raises what no other target would do better, and what is unsure."""
        era = self._standings.enter(standing)
        if era is None:
            standing.gate.leave()
            return None
        attempt = self._attempt = self._begun(leg, standing, era)
        answer = await attempt.answer(self._body)
        if answer is not None:
            return answer
        if isinstance(attempt.problem, NotTranslatable):
            self._problem = self._problem or attempt.problem
            return None
        self._problem = attempt.problem
        self._has_failed = self._has_failed or not isinstance(attempt.problem, UpstreamBusy)
        if isinstance(attempt.problem, UpstreamRejected):
            raise attempt.problem
        if is_safe(self._standings.rules.retrying, attempt.status, attempt.retry_after_s):
            self._unharmed += (attempt,)
        return None


def _ticket(leg: Leg, plan: Plan) -> Ticket:
    """Whoever asks for more pays more, and a project pays for all its keys."""
    cost = max(1, leg.input_tokens + leg.output_tokens * plan.ask.choices)
    caller = plan.caller
    if caller is None:
        return Ticket(cost=cost)
    weight = caller.limits.weight if caller.limits else 1
    return Ticket(caller.project, cost, weight, caller.priority)


def _show_that_it_lives(call: Call) -> None:
    dialect = call.route.dialect
    if silence := dialect.silence():
        call.reply.keep_alive(silence, stream_headers(dialect), SILENCE_S)

"""What a call takes from the limits that hold for it, and what it gives back.

All of them let it in, or none has lost anything. Every answer to it says how they stand.
"""

from __future__ import annotations

from tollhouse.domain import limit_headers, limiting
from tollhouse.domain.budget import Outcome
from tollhouse.domain.errors import Problem
from tollhouse.domain.identity import Principal
from tollhouse.domain.limiting import Limits, Taking, Verdict
from tollhouse.domain.metering import Meter
from tollhouse.domain.models import Plan
from tollhouse.domain.pricing import NOTHING, Usage
from tollhouse.pipeline.call import Call
from tollhouse.pipeline.house import House
from tollhouse.pipeline.route import Metered


def turn_away(call: Call, caller: Principal, house: House) -> None:
    """Who was refused for its requests a moment ago, before its body is read. The limiter is not asked."""
    if caller.limits is None:
        return
    rules = (*caller.limits.own, *caller.limits.of_route(call.route.name))
    found = house.waits.of(rules, house.now_us())
    if found is not None:
        taking, level = found
        raise _refused(call, (taking,), Verdict((level,), 0), 0, house)


async def take(call: Call, limits: Limits, plan: Plan, house: House) -> tuple[Taking, ...]:
    """The worst case of tokens, as of money. Raises what a rule refuses with, and LimiterUnavailable."""
    rules = limits.of(plan.model.name, call.route.name)
    if call.route.metered is Metered.BATCH:
        rules = limiting.for_a_day(rules)
    leg, ask = plan.legs[0], plan.ask  # one model: its bounds are the same at every target
    tokens_out = leg.output_tokens * ask.choices + ask.predicted_bytes
    return await _take(call, limiting.takings(rules, leg.input_tokens, tokens_out), house)


async def take_one(call: Call, caller: Principal, house: House) -> None:
    """For a request in which no model is asked."""
    if caller.limits is not None:
        rules = (*caller.limits.own, *caller.limits.of_route(call.route.name))
        await _take(call, limiting.requests_only(rules), house)


async def take_of_route(call: Call, caller: Principal, house: House) -> None:
    """For a request that reaches nobody: it counts where its own route is limited, and nowhere else."""
    if caller.limits is not None:
        rules = caller.limits.of_route(call.route.name)
        await _take(call, limiting.requests_only(rules), house)


def give_back(taken: tuple[Taking, ...], meter: Meter, house: House) -> None:
    """Once the call is over: its place, and the tokens that it did not come to."""
    usage = _used(meter)
    back = limiting.unused(
        taken,
        None if usage is None else usage.total_input,
        None if usage is None else usage.output,
    )
    if back:
        house.limiter.give_back(meter.call, back)


def leave(taken: tuple[Taking, ...], meter: Meter, house: House) -> None:
    """Its place alone: what it comes to is not known yet."""
    if back := limiting.unused(taken, None, None):
        house.limiter.give_back(meter.call, back)


async def _take(call: Call, taken: tuple[Taking, ...], house: House) -> tuple[Taking, ...]:
    if not taken:
        return taken
    asked_us = house.now_us()
    verdict = await house.limiter.take(call.id, taken)
    if not verdict.levels:
        return taken  # let through uncounted
    if (number := verdict.refused_by) is not None:
        house.waits.note(taken[number], verdict.levels[number], asked_us)
        raise _refused(call, taken, verdict, number, house)
    _tell(call, taken, verdict, house)
    return taken


def _refused(
    call: Call, taken: tuple[Taking, ...], verdict: Verdict, number: int, house: House
) -> Problem:
    _tell(call, taken, verdict, house)
    call.reply.bear(limit_headers.plain(taken[number], verdict.levels[number]))
    return limiting.refusal(taken, verdict)


def _tell(call: Call, taken: tuple[Taking, ...], verdict: Verdict, house: House) -> None:
    style = limit_headers.style_of(call.route.dialect.name)
    call.reply.bear(limit_headers.headers(taken, verdict, style, house.now_s()))


def _used(meter: Meter) -> Usage | None:
    """None where nobody saw what became of it."""
    settled = meter.settled
    if settled is None:
        return NOTHING
    return None if settled.outcome is Outcome.UNKNOWN else settled.usage

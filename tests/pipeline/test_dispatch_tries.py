"""However a model's targets fail, all of them together are asked at most 1.2 times a call."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from itertools import cycle

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fakes import FakeAnswer, FakeExchange, FakeProvider
from pipeline.houses import TARGETS, World, body, call, planned
from tollhouse.domain.breaker import State, Tripping
from tollhouse.domain.errors import (
    Problem,
    UpstreamBroke,
    UpstreamBusy,
    UpstreamUnreachable,
)
from tollhouse.domain.metering import Meter
from tollhouse.domain.retries import ADVANCE, MOST_SAVED, Retrying
from tollhouse.pipeline.dispatch import dispatched
from tollhouse.pipeline.standing import Room, Rules
from tollhouse.ports import Exchange, Sending

CALLS = 120
PAID_BACK = 100
"""From this call on, what was advanced to a model is paid back."""

SENSITIVE = Tripping()
INSENSITIVE = Tripping(failures=0)
ENDINGS = ("answered", "dead", "busy", "broken", 401, 404, 429, 500, 503)
Ending = str | int


@pytest.mark.req("P-28", "OL-41", "OP-26")
@settings(max_examples=60)
@given(
    scripts=st.lists(
        st.lists(st.sampled_from(ENDINGS), min_size=1, max_size=6), min_size=1, max_size=3
    ),
    tripping=st.sampled_from([SENSITIVE, INSENSITIVE]),
    most=st.integers(0, 3),
    step_s=st.sampled_from([0.0, 0.1, 40.0]),
    outlier_s=st.sampled_from([0.0, 30.0]),
)
def test_whatever_fails_there_are_no_more_tries_than_the_calls_and_their_share(
    scripts: list[list[Ending]], tripping: Tripping, most: int, step_s: float, outlier_s: float
) -> None:
    retrying = Retrying(most=most, first_wait_s=0.0)
    world = _world(*scripts, rules=Rules(tripping, retrying, outlier_s))

    async def play() -> None:
        for calls in range(1, CALLS + 1):
            await _call(world, len(scripts))
            world.time_s += step_s

            assert _tries(world) <= calls + max(ADVANCE, calls // 5)
        assert _tries(world) <= 1.2 * CALLS

    asyncio.run(play())


@pytest.mark.req("P-28", "OP-26")
@pytest.mark.parametrize("targets", [2, 3])
@pytest.mark.parametrize("ending", [500, 429, 404, "dead"])
async def test_targets_that_all_fail_now_and_then_are_asked_no_more_than_the_share(
    ending: Ending, targets: int
) -> None:
    script: list[Ending] = [ending, "answered", "answered"]
    world = _world(*[script] * targets)

    for _ in range(CALLS):
        await _call(world, targets)

    assert PAID_BACK * 1.15 < _tries(world) <= 1.2 * CALLS


@pytest.mark.req("P-33", "OL-15")
@pytest.mark.parametrize("ending", ["dead", 401, 404, 429, 500, 503])
async def test_a_spare_that_is_well_answers_each_call_from_the_first_on(ending: Ending) -> None:
    world = _world([ending], ["answered"])

    problems = [await _call(world, 2) for _ in range(CALLS)]

    assert problems == [None] * CALLS
    assert _tries(world) == CALLS + 5


@pytest.mark.req("P-33")
async def test_as_many_calls_as_a_target_has_room_for_go_on_when_it_falls_over() -> None:
    """Of a gateway that was well for a while."""
    scripts: list[list[Ending]] = [["answered"] * 2600 + [503] * 1000, ["answered"]]
    world = _world(*scripts, rules=Rules(INSENSITIVE, outlier_s=0.0))
    for _ in range(2600):
        await _call(world, 2)

    problems = [await _call(world, 2) for _ in range(1000)]

    assert problems[:MOST_SAVED] == [None] * MOST_SAVED
    assert MOST_SAVED < problems.count(None) <= MOST_SAVED + 1000 // 5


@pytest.mark.req("P-28")
async def test_what_is_not_paid_for_ends_with_what_the_target_said() -> None:
    world = _world([404], ["answered"], rules=Rules(outlier_s=0.0))
    for _ in range(ADVANCE):
        await _call(world, 2)

    problem = await _call(world, 2)

    assert problem is not None
    assert problem.code == "upstream_not_found"
    assert {standing.gate.inside for standing in world.standings} == {0}


@pytest.mark.req("P-28", "S-77")
async def test_nobody_waits_in_line_for_a_try_that_is_not_paid_for() -> None:
    rooms = {"second": Room(calls=1, in_line=9, line_s=30.0)}
    world = _world([404], ["answered"], rules=Rules(outlier_s=0.0, rooms=rooms))
    for _ in range(ADVANCE):
        await _call(world, 2)
    assert world.standings.of(planned().legs[1].target).gate.enter()

    async with asyncio.timeout(5):
        problem = await _call(world, 2)

    assert problem is not None
    assert problem.code == "upstream_not_found"


@pytest.mark.req("CN-31")
async def test_connections_that_are_all_in_use_cost_no_try() -> None:
    """Nobody was asked."""
    world = _world(["busy"], ["answered"])

    problems = [await _call(world, 2) for _ in range(CALLS)]

    assert problems == [None] * CALLS


@pytest.mark.req("P-28", "CN-31")
async def test_who_finds_no_connection_does_not_make_up_for_who_failed() -> None:
    world = _world([404], ["busy"], ["answered"], rules=Rules(outlier_s=0.0))

    problems = [await _call(world, 3) for _ in range(ADVANCE)]

    assert problems[0] is None
    assert isinstance(problems[-1], Problem)


@pytest.mark.req("P-28")
async def test_a_target_that_is_left_alone_costs_no_try() -> None:
    world = _world([404], ["dead"], ["answered"], rules=Rules(outlier_s=0.0))
    standing = world.standings.of(planned().legs[1].target)
    while standing.breaker.state is State.CLOSED:
        standing.breaker.failed(0, 0.0, "upstream_unreachable")

    problems = [await _call(world, 3) for _ in range(ADVANCE)]

    assert problems == [None] * ADVANCE


@pytest.mark.req("P-33")
@pytest.mark.parametrize("ending", [401, 403, 404, 418])
async def test_a_target_that_denies_everybody_is_asked_last_for_a_while(ending: Ending) -> None:
    world = _world([ending], ["answered"])
    for _ in range(20):
        await _call(world, 2)
    asked_at_first = len(world.providers["first"].sent)
    world.time_s = 30.0

    for _ in range(20):
        await _call(world, 2)

    assert asked_at_first == 5
    assert len(world.providers["first"].sent) == 6


@pytest.mark.req("P-33")
@pytest.mark.parametrize("between", ["answered", 400])
async def test_who_denies_one_caller_and_serves_the_next_keeps_its_place(between: Ending) -> None:
    world = _world([404, 404, 404, 404, between], ["answered"])

    for _ in range(20):
        await _call(world, 2)

    assert len(world.providers["first"].sent) == 20


async def test_each_model_has_tries_of_its_own() -> None:
    world = _world([404], ["answered"], rules=Rules(outlier_s=0.0))
    for _ in range(ADVANCE + 1):
        await _call(world, 2)

    assert isinstance(await _call(world, 2), Problem)
    assert await _call(world, 2, model="another") is None


class Scripted(FakeProvider):
    """Ends each request as its script says, over and over."""

    def __init__(self, script: list[Ending]) -> None:
        super().__init__()
        self._script = cycle(script)

    def send(self, sending: Sending) -> Exchange:
        ending = next(self._script)
        if ending != "busy":  # else nobody is asked
            self.sent.append(sending)
        return _exchange(ending)


def _exchange(ending: Ending) -> FakeExchange:
    match ending:
        case "answered":
            return FakeExchange(FakeAnswer(200, [b"{}"]))
        case "dead":
            return FakeExchange(UpstreamUnreachable(), is_sent=False)
        case "busy":
            return FakeExchange(UpstreamBusy(), is_sent=False)
        case "broken":
            return FakeExchange(UpstreamBroke())
    return FakeExchange(FakeAnswer(int(ending), [b"{}"]))


def _world(*scripts: list[Ending], rules: Rules | None = None) -> World:
    return World(
        providers={name: Scripted(script) for name, script in zip(TARGETS, scripts, strict=False)},
        rules=rules or Rules(retrying=Retrying(first_wait_s=0.0)),
    )


async def _call(world: World, targets: int, model: str = "m") -> Problem | None:
    """As a caller does: the answer is read to its end."""
    whole = planned()
    plan = replace(whole, legs=whole.legs[:targets], model=replace(whole.model, name=model))
    meter, incoming = Meter("call-1", plan), call()
    try:
        async with dispatched(incoming, plan, body(), meter, world.house) as (answer, _):
            while await answer.read():
                pass
            meter.completed(incoming.route.dialect.relay(plan.ask))
    except Problem as problem:
        return problem
    return None


def _tries(world: World) -> int:
    return sum(len(provider.sent) for provider in world.providers.values())

"""Targets that fail are left alone, and none is left alone for what a caller did."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from fakes import FakeAnswer, FakeExchange, FakeProvider
from pipeline.houses import TARGETS, World, body, call, planned
from tollhouse.domain.breaker import State
from tollhouse.domain.budget import Outcome
from tollhouse.domain.errors import (
    CircuitOpen,
    Problem,
    UpstreamBroke,
    UpstreamBusy,
    UpstreamTimeout,
    UpstreamUnreachable,
)
from tollhouse.domain.metering import Meter
from tollhouse.pipeline.dispatch import dispatched

Make = Callable[[], FakeExchange]
FIRST = "first:m-real"


def unreachable() -> FakeExchange:
    return FakeExchange(UpstreamUnreachable(), is_sent=False)


def refuses(status: int) -> FakeExchange:
    return FakeExchange(FakeAnswer(status, [b"{}"]))


def answers() -> FakeExchange:
    return FakeExchange(FakeAnswer(200, [b"{}"]))


@pytest.mark.req("OL-15", "OL-40", "S-69")
@pytest.mark.parametrize(
    "failing",
    [
        unreachable,
        lambda: refuses(500),
        lambda: refuses(429),
        lambda: refuses(408),
        lambda: refuses(425),
        lambda: FakeExchange(UpstreamBroke()),
        lambda: FakeExchange(UpstreamTimeout()),
        lambda: FakeExchange(FakeAnswer(200, [UpstreamBroke()])),
    ],
)
async def test_a_target_that_fails_five_times_is_not_asked_any_more(failing: Make) -> None:
    world = _world(first=[failing() for _ in range(5)], second=[answers() for _ in range(9)])

    for _ in range(6):
        await _call(world)

    assert len(world.providers["first"].sent) == 5
    assert [(target, state) for target, state, _ in world.watch.turns] == [(FIRST, State.OPEN)]


@pytest.mark.req("CN-31")
@pytest.mark.parametrize("status", [400, 401, 403, 404, 413, 418, 422])
async def test_what_is_about_the_request_does_not_count(status: int) -> None:
    world = _world(first=[refuses(status) for _ in range(30)], second=[answers()] * 30)

    for _ in range(30):
        await _call(world)

    assert world.watch.turns == []
    assert world.standings.of(planned().legs[0].target).breaker.recent_failures == 0


@pytest.mark.req("CN-31")
async def test_connections_that_are_all_in_use_are_no_fault_of_the_target() -> None:
    busy = [FakeExchange(UpstreamBusy(), is_sent=False) for _ in range(30)]
    world = _world(first=busy, second=[answers() for _ in range(30)])

    for _ in range(30):
        await _call(world)

    assert len(world.providers["first"].sent) == 30
    assert world.watch.turns == []


@pytest.mark.req("CN-31", "OL-40")
async def test_a_caller_who_leaves_says_nothing_of_the_target() -> None:
    world = _world(first=[FakeExchange(None) for _ in range(30)])

    for number in range(1, 31):
        task = asyncio.create_task(_call(world))
        while len(world.providers["first"].sent) < number:
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])

    assert world.watch.turns == []


@pytest.mark.req("CN-30", "B-38")
async def test_when_all_are_left_alone_the_caller_learns_for_how_long() -> None:
    world = _world(*([unreachable() for _ in range(5)] for _ in TARGETS))
    for _ in range(5):
        await _call(world)
    world.time_s = 18.5
    meter = Meter("call-1", planned())

    problem = await _call(world, meter)

    assert isinstance(problem, CircuitOpen)
    assert problem.retry_after_s == 42
    assert "5 of the last 20 calls failed: upstream_unreachable" in (problem.private or "")
    assert (meter.outcome, meter.attempts, meter.leg) == (Outcome.NOT_SENT, [], None)


@pytest.mark.req("OL-16", "OL-40")
async def test_that_a_target_is_probed_is_told_before_the_probe_has_ended() -> None:
    world = _world(first=[unreachable() for _ in range(5)], second=[answers() for _ in range(5)])
    for _ in range(5):
        await _call(world)
    world.time_s = 60.0

    world.standings.enter(world.standings.of(planned().legs[0].target))

    assert world.watch.turns[-1][1] is State.HALF_OPEN


@pytest.mark.req("B-38", "CN-31", "OL-40")
async def test_after_its_time_single_probes_bring_it_back() -> None:
    probes = [answers() for _ in range(4)]
    world = _world(
        first=[*(unreachable() for _ in range(5)), *probes], second=[answers() for _ in range(9)]
    )
    for _ in range(5):
        await _call(world)
    world.time_s = 60.0

    for _ in range(4):
        await _call(world)

    assert len(world.providers["first"].sent) == 9
    assert [state for _, state, _ in world.watch.turns] == [
        State.OPEN,
        State.HALF_OPEN,
        State.CLOSED,
    ]


@pytest.mark.req("CN-31")
async def test_a_probe_that_is_refused_for_the_callers_sake_shows_that_the_target_lives() -> None:
    world = _world(
        first=[*(unreachable() for _ in range(5)), *(refuses(404) for _ in range(3))],
        second=[answers() for _ in range(8)],
    )
    for _ in range(5):
        await _call(world)
    world.time_s = 60.0

    for _ in range(3):
        await _call(world)

    assert [state for _, state, _ in world.watch.turns][-1] is State.CLOSED


@pytest.mark.req("B-38")
async def test_while_a_probe_is_under_way_the_others_go_elsewhere() -> None:
    world = _world(
        first=[*(unreachable() for _ in range(5)), FakeExchange(None)],
        second=[answers() for _ in range(7)],
    )
    for _ in range(5):
        await _call(world)
    world.time_s = 60.0
    probing = asyncio.create_task(_call(world))
    while len(world.providers["first"].sent) < 6:
        await asyncio.sleep(0)

    await _call(world)

    assert len(world.providers["first"].sent) == 6
    assert len(world.providers["second"].sent) == 6
    probing.cancel()
    await asyncio.wait([probing])


@pytest.mark.req("B-38")
async def test_a_caller_that_leaves_does_not_free_the_probe_of_another() -> None:
    world = _world(
        first=[
            *(unreachable() for _ in range(5)),
            FakeExchange(FakeAnswer(200, [None])),
            FakeExchange(None),
        ],
        second=[answers() for _ in range(7)],
    )
    for _ in range(5):
        await _call(world)
    world.time_s = 60.0
    answered = asyncio.create_task(_call(world))
    while len(world.providers["first"].sent) < 6:
        await asyncio.sleep(0)
    probing = asyncio.create_task(_call(world))
    while len(world.providers["first"].sent) < 7:
        await asyncio.sleep(0)

    answered.cancel()
    await asyncio.wait([answered])
    await _call(world)

    assert len(world.providers["first"].sent) == 7, "a second probe went beside the first"
    probing.cancel()
    await asyncio.wait([probing])


@pytest.mark.req("B-38")
async def test_a_probe_whose_caller_left_makes_room_for_the_next() -> None:
    world = _world(
        first=[*(unreachable() for _ in range(5)), FakeExchange(None), answers()],
        second=[answers() for _ in range(6)],
    )
    for _ in range(5):
        await _call(world)
    world.time_s = 60.0
    probing = asyncio.create_task(_call(world))
    while len(world.providers["first"].sent) < 6:
        await asyncio.sleep(0)

    probing.cancel()
    await asyncio.wait([probing])
    await _call(world)

    assert len(world.providers["first"].sent) == 7


@pytest.mark.req("CN-30", "R-11")
@pytest.mark.parametrize(
    ("asked", "seconds"), [(b"86400", 60), (b"2", 2)], ids=["a day", "two seconds"]
)
async def test_callers_are_told_to_come_back_within_a_minute(asked: bytes, seconds: int) -> None:
    limiting = [FakeExchange(FakeAnswer(429, [b"{}"], {b"retry-after": asked})) for _ in range(15)]
    world = _world(limiting[:5], limiting[5:10], limiting[10:])
    for _ in range(5):
        await _call(world)

    problem = await _call(world)

    assert isinstance(problem, CircuitOpen)
    assert problem.retry_after_s == seconds


@pytest.mark.req("CN-30", "R-11")
async def test_while_all_are_probed_callers_are_told_to_wait_a_second() -> None:
    world = _world(*([*(unreachable() for _ in range(5)), FakeExchange(None)] for _ in TARGETS))
    for _ in range(5):
        await _call(world)
    world.time_s = 60.0
    probing = [asyncio.create_task(_call(world)) for _ in TARGETS]
    while not all(len(world.providers[name].sent) == 6 for name in TARGETS):
        await asyncio.sleep(0)

    problem = await _call(world)

    assert isinstance(problem, CircuitOpen)
    assert problem.retry_after_s == 1
    for task in probing:
        task.cancel()
    await asyncio.wait(probing)


async def test_a_probe_that_could_not_even_be_made_is_not_waited_for() -> None:
    world = _world(first=[unreachable() for _ in range(5)], second=[answers() for _ in range(5)])
    for _ in range(5):
        await _call(world)
    world.time_s = 60.0

    for _ in range(2):
        with pytest.raises(IndexError):  # the fake has no exchange left
            await _call(world)

    assert len(world.providers["first"].sent) == 7
    assert {standing.gate.inside for standing in world.standings} == {0}


@pytest.mark.req("P-33")
async def test_a_target_that_stands_out_for_its_failures_is_asked_last_for_a_while() -> None:
    flapping = [exchange for _ in range(6) for exchange in (refuses(500), answers())]
    world = _world(first=flapping, second=[answers() for _ in range(99)])
    for _ in range(9):
        await _call(world)

    asked_before = len(world.providers["first"].sent)
    for _ in range(20):
        await _call(world)
    world.time_s = 30.0
    await _call(world)

    assert asked_before == 9, "five failures in nine calls"
    assert len(world.providers["first"].sent) == 10


async def _call(world: World, meter: Meter | None = None) -> Problem | None:
    """As a caller does: the answer is read to its end."""
    meter = meter or Meter("call-1", planned())
    incoming = call()
    try:
        async with dispatched(incoming, meter.plan, body(), meter, world.house) as (answer, _):
            while await answer.read():
                pass
            meter.completed(incoming.route.dialect.relay(meter.plan.ask))
    except Problem as problem:
        return problem
    return None


def _world(
    first: list[FakeExchange],
    second: list[FakeExchange] | None = None,
    third: list[FakeExchange] | None = None,
) -> World:
    each = (first, second or [], third or [])
    return World(
        providers={
            name: FakeProvider(*exchanges) for name, exchanges in zip(TARGETS, each, strict=True)
        }
    )

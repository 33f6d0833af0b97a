"""A call is sent to the same target again only where it surely did no work, seldom, and not for long."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from fakes import FakeAnswer, FakeExchange, FakeProvider, FakeReply
from pipeline.houses import CALLER, NOW_NS, TARGETS, World, body, call, planned
from tollhouse.domain.breaker import Tripping
from tollhouse.domain.budget import Attempt, Outcome
from tollhouse.domain.errors import (
    CircuitOpen,
    Problem,
    UpstreamBroke,
    UpstreamBusy,
    UpstreamFailed,
    UpstreamRateLimited,
    UpstreamUnreachable,
)
from tollhouse.domain.limiting import Limits
from tollhouse.domain.metering import Meter
from tollhouse.domain.retries import Retrying
from tollhouse.pipeline.dispatch import _ticket, dispatched
from tollhouse.pipeline.standing import Room, Rules, Standing

FIRST = "first:m-real"
QUICK = Retrying(first_wait_s=0.001, share_percent=100)


def unreachable() -> FakeExchange:
    return FakeExchange(UpstreamUnreachable(), is_sent=False)


def refuses(status: int, **headers: bytes) -> FakeExchange:
    named = {name.replace("_", "-").encode(): value for name, value in headers.items()}
    return FakeExchange(FakeAnswer(status, [b"{}"], named))


def answers() -> FakeExchange:
    return FakeExchange(FakeAnswer(200, [b"{}"]))


@pytest.mark.req("OL-41", "P-28")
async def test_all_others_are_asked_before_one_is_asked_again() -> None:
    world = _world([unreachable(), answers()], [refuses(500)], [refuses(500)])
    meter = Meter("call-1", planned())

    problem = await _call(world, meter)

    assert problem is None
    assert [len(world.providers[name].sent) for name in TARGETS] == [2, 1, 1]
    assert [attempt.target for attempt in meter.attempts] == [f"{name}:m-real" for name in TARGETS]
    assert meter.leg is meter.plan.legs[0]


@pytest.mark.req("OL-41", "P-28")
async def test_each_try_is_an_attempt_in_the_ledger() -> None:
    world = _world([refuses(429), unreachable(), answers()], [refuses(500)], [refuses(500)])
    meter = Meter("call-1", planned())

    await _call(world, meter)

    assert [each for each in meter.attempts if each.target == FIRST] == [
        Attempt(FIRST, Outcome.REFUSED, 429),
        Attempt(FIRST, Outcome.NOT_SENT),
    ]


@pytest.mark.req("P-28", "P-20", "OL-41")
async def test_what_left_and_was_not_seen_again_is_not_retried() -> None:
    world = _world([refuses(429), FakeExchange(UpstreamBroke())], [refuses(500)], [refuses(500)])

    problem = await _call(world)

    assert isinstance(problem, UpstreamBroke)
    assert len(world.providers["first"].sent) == 2


@pytest.mark.req("P-28", "OL-41")
async def test_a_retry_that_may_have_done_work_is_the_last() -> None:
    world = _world([refuses(429), refuses(500), answers()], [refuses(500)], [refuses(500)])

    problem = await _call(world)

    assert isinstance(problem, UpstreamFailed)
    assert len(world.providers["first"].sent) == 2


@pytest.mark.req("P-28", "OL-41")
async def test_not_even_where_there_is_plenty_of_budget_comes_another_one() -> None:
    """What had done no work before has been asked again since."""
    plenty = replace(QUICK, share_percent=10_000)
    failing = [refuses(429), refuses(500), answers()]
    world = _world(failing, [refuses(500)], [refuses(500)], rule=plenty)

    problem = await _call(world)

    assert isinstance(problem, UpstreamFailed)
    assert len(world.providers["first"].sent) == 2


@pytest.mark.req("P-33")
async def test_what_was_never_open_is_not_closed() -> None:
    first = unreachable()

    await _call(_world([first], [answers()]))

    assert not first.is_closed


@pytest.mark.req("OL-41")
async def test_who_wishes_to_be_left_alone_least_is_asked_again() -> None:
    world = _world(
        [refuses(429, retry_after=b"9")],
        [refuses(429, retry_after=b"0"), answers()],
        [refuses(429, retry_after=b"8")],
    )

    async with asyncio.timeout(5):
        problem = await _call(world)

    assert problem is None
    assert [len(world.providers[name].sent) for name in TARGETS] == [1, 2, 1]


@pytest.mark.req("S-77", "P-33")
async def test_a_retry_takes_no_place_beyond_those_there_are() -> None:
    world = _world([refuses(429), answers()], room=Room(1, 9, 5.0))
    only = replace(planned(), legs=planned().legs[:1])
    standing = world.standings.of(only.legs[0].target)
    retrying = asyncio.create_task(_call(world, Meter("call-1", only)))
    while not (world.providers["first"].sent and standing.gate.inside == 0):
        await asyncio.sleep(0)
    assert standing.gate.enter()

    problem = await retrying

    assert isinstance(problem, UpstreamRateLimited)
    assert len(world.providers["first"].sent) == 1
    assert standing.gate.inside == 1


@pytest.mark.req("OL-41")
async def test_an_error_that_may_have_done_work_is_not_retried() -> None:
    world = _world([refuses(500)], [refuses(502)], [refuses(503)])

    problem = await _call(world)

    assert isinstance(problem, UpstreamFailed)
    assert [len(world.providers[name].sent) for name in TARGETS] == [1, 1, 1]


@pytest.mark.req("OL-41", "P-28")
async def test_a_call_is_retried_only_so_often() -> None:
    world = _world([unreachable() for _ in range(9)], [refuses(500)], [refuses(500)])
    for _ in range(9):
        world.standings.tries("m")

    problem = await _call(world)

    assert isinstance(problem, UpstreamUnreachable)
    assert len(world.providers["first"].sent) == 1 + QUICK.most


@pytest.mark.req("P-28")
async def test_without_a_budget_there_is_no_retry() -> None:
    stingy = Retrying(first_wait_s=0.001, share_percent=20)
    world = _world([unreachable() for _ in range(11)], [refuses(500)] * 9, [refuses(500)] * 9)
    world.standings.rules = Rules(retrying=stingy)

    for _ in range(4):
        await _call(world)

    assert len(world.providers["first"].sent) <= 4 * 1.2


@pytest.mark.req("OL-41")
async def test_a_provider_that_wants_a_long_pause_is_left_to_the_caller() -> None:
    world = _world(
        [refuses(429, retry_after=b"11")], [refuses(404)], [refuses(429, retry_after=b"12")]
    )

    async with asyncio.timeout(5):
        problem = await _call(world)

    assert isinstance(problem, UpstreamRateLimited)
    assert problem.retry_after_s == 12


@pytest.mark.req("OL-41")
async def test_a_moment_that_a_provider_names_is_one_by_our_clock() -> None:
    at = format_datetime(
        datetime.fromtimestamp(NOW_NS / 1e9, UTC) + timedelta(seconds=11), usegmt=True
    )
    world = _world([refuses(429, retry_after=at.encode())], [refuses(404)], [refuses(404)])
    world.standings.rules = replace(world.standings.rules, tripping=Tripping(failures=1))
    standing = world.standings.of(planned().legs[0].target)

    async with asyncio.timeout(5):
        await _call(world)

    assert standing.breaker.wait_s(world.time_s) == 11


@pytest.mark.req("P-33", "S-77")
async def test_a_target_without_room_is_passed_over_while_another_has_some() -> None:
    world = _world([FakeExchange(None), answers()], [answers()], room=Room(1, 9, 60.0))
    hanging = asyncio.create_task(_call(world))
    while not world.providers["first"].sent:
        await asyncio.sleep(0)

    async with asyncio.timeout(5):
        problem = await _call(world)

    assert problem is None
    assert len(world.providers["second"].sent) == 1
    hanging.cancel()
    await asyncio.wait([hanging])


@pytest.mark.req("S-77", "P-33")
async def test_when_none_has_room_a_caller_waits_in_line_and_then_is_told() -> None:
    world = _world(*([FakeExchange(None)] for _ in TARGETS), room=Room(1, 9, 0.01))
    hanging = [asyncio.create_task(_call(world)) for _ in TARGETS]
    while not world.providers["third"].sent:
        await asyncio.sleep(0)
    meter = Meter("call-1", planned())

    problem = await _call(world, meter)

    assert isinstance(problem, UpstreamBusy)
    assert (meter.outcome, meter.attempts) == (Outcome.NOT_SENT, [])
    for task in hanging:
        task.cancel()
    await asyncio.wait(hanging)


@pytest.mark.req("S-77")
async def test_who_found_no_room_after_a_failure_is_told_of_the_failure() -> None:
    world = _world([refuses(500)], [answers()], room=Room(1, 9, 0.01))
    two = replace(planned(), legs=planned().legs[:2])
    assert world.standings.of(two.legs[1].target).gate.enter()

    problem = await _call(world, Meter("call-1", two))

    assert isinstance(problem, UpstreamFailed)


@pytest.mark.req("S-77", "B-38")
async def test_nobody_waits_in_line_for_a_target_that_is_left_alone() -> None:
    world = _world([unreachable()], room=Room(1, 9, 60.0))
    world.standings.rules = replace(
        world.standings.rules, tripping=Tripping(failures=1), retrying=Retrying(most=0)
    )
    only = replace(planned(), legs=planned().legs[:1])
    await _call(world, Meter("call-1", only))
    assert world.standings.of(only.legs[0].target).gate.enter()

    async with asyncio.timeout(5):
        problem = await _call(world, Meter("call-2", only))

    assert isinstance(problem, CircuitOpen)


@pytest.mark.req("S-77", "B-38")
async def test_who_waited_for_a_target_that_failed_meanwhile_is_told_and_takes_no_place() -> None:
    breaking = asyncio.Event()
    world = _world([Breaking(None, breaking=breaking)], room=Room(1, 9, 5.0))
    world.standings.rules = replace(world.standings.rules, tripping=Tripping(failures=1))
    only = replace(planned(), legs=planned().legs[:1])
    first = asyncio.create_task(_call(world, Meter("call-1", only)))
    second = asyncio.create_task(_call(world, Meter("call-2", only)))
    standing = await _begun(world)
    while not standing.gate.in_line:
        await asyncio.sleep(0)

    breaking.set()
    problems = [await first, await second]

    assert [problem.code for problem in problems if problem] == ["upstream_broke", "circuit_open"]
    assert (standing.gate.inside, standing.gate.in_line) == (0, 0)


@pytest.mark.req("P-32")
async def test_in_line_a_project_that_comes_with_one_call_goes_before_the_crowd_of_another() -> (
    None
):
    breaking = asyncio.Event()
    world = _world(
        [Breaking(None, breaking=breaking), *(unreachable() for _ in range(6))],
        room=Room(1, 9, 5.0),
    )
    order: list[str] = []

    async def come(name: str, project: str, weight: int = 1) -> FakeReply:
        caller = replace(CALLER, project=project, limits=Limits((), None, weight))
        plan, reply = planned(), FakeReply()
        plan = replace(plan, legs=plan.legs[:1], caller=caller)
        with suppress(Problem):
            async with dispatched(call(reply=reply), plan, body(), Meter(name, plan), world.house):
                raise AssertionError("nobody answers")
        order.append(name)
        return reply

    callers = [asyncio.create_task(come("first", "acme/crowd"))]
    standing = await _begun(world)
    for number, project in enumerate(["acme/crowd"] * 4 + ["acme/alone"], start=1):
        callers.append(asyncio.create_task(come(f"{project}-{number}", project)))
        while standing.gate.in_line < number:
            await asyncio.sleep(0)
    breaking.set()
    replies = await asyncio.gather(*callers)

    assert order.index("acme/alone-5") < order.index("acme/crowd-2")
    assert [dict(reply.borne).get(b"x-tollhouse-queue") for reply in replies] == [
        *(None, b"ahead=0", b"ahead=1", b"ahead=2", b"ahead=3"),
        b"ahead=1",
    ]


@pytest.mark.req("P-32")
async def test_who_stands_in_a_line_that_moves_is_told_how_long_it_takes() -> None:
    breaking = [asyncio.Event() for _ in range(3)]
    world = _world([Breaking(None, breaking=it) for it in breaking], room=Room(1, 9, 5.0))
    reply, plan = FakeReply(), planned()
    plan = replace(plan, legs=plan.legs[:1])

    async def come(reply: FakeReply) -> None:
        with suppress(Problem):
            async with dispatched(call(reply=reply), plan, body(), Meter("c", plan), world.house):
                raise AssertionError("nobody answers")

    callers = [asyncio.create_task(come(FakeReply()))]
    standing = await _begun(world)
    callers += [asyncio.create_task(come(FakeReply())) for _ in range(2)]
    for it in breaking[:2]:
        it.set()
    while len(world.providers["first"].sent) < 3:
        await asyncio.sleep(0)
    callers.append(asyncio.create_task(come(reply)))
    while not standing.gate.in_line:
        await asyncio.sleep(0)

    assert dict(reply.borne)[b"x-tollhouse-queue"].startswith(b"ahead=0, expected_ms=")
    for each in callers:
        each.cancel()
    await asyncio.wait(callers)


@pytest.mark.req("P-32")
def test_in_line_who_asks_for_more_pays_more_and_a_project_pays_by_its_share() -> None:
    plan = planned()
    leg = replace(plan.legs[0], input_tokens=70, output_tokens=10)
    nothing = replace(leg, input_tokens=0, output_tokens=0)
    twice = replace(plan, ask=replace(plan.ask, choices=3))
    weighty = replace(CALLER, limits=Limits((), None, 5))

    assert (_ticket(leg, plan).cost, _ticket(leg, twice).cost) == (80, 100)
    assert _ticket(nothing, plan).cost == 1
    assert _ticket(leg, plan).flow == CALLER.project
    assert [_ticket(leg, replace(plan, caller=it)).weight for it in (weighty, CALLER, None)] == [
        *(5, 1, 1)
    ]


@pytest.mark.req("S-77", "P-30")
async def test_whatever_ends_a_call_its_place_is_free_again() -> None:
    endings = [
        *(answers(), refuses(500), refuses(400), unreachable(), FakeExchange(UpstreamBroke())),
        *(FakeExchange(ValueError("a fault of ours")), FakeExchange(FakeAnswer(200, [UpstreamBroke()]))),
    ]  # fmt: skip
    world = _world(endings, [answers() for _ in endings], room=Room(1, 0, 0.01))

    for _ in endings:
        try:
            await _call(world)
        except ValueError:
            continue

    assert len(world.providers["first"].sent) == len(endings)
    assert {standing.gate.inside for standing in world.standings} == {0}


@dataclass
class Breaking(FakeExchange):
    """Breaks when it is told to."""

    breaking: asyncio.Event = field(default_factory=asyncio.Event)

    async def __aenter__(self) -> FakeAnswer:
        await self.breaking.wait()
        raise UpstreamBroke


async def _begun(world: World) -> Standing:
    while not world.providers["first"].sent:
        await asyncio.sleep(0)
    return world.standings.of(planned().legs[0].target)


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


def _world(*each: list[FakeExchange], room: Room | None = None, rule: Retrying = QUICK) -> World:
    """The exchanges of each target, in order."""
    rooms = dict.fromkeys(TARGETS, room) if room else {}
    return World(
        providers={
            name: FakeProvider(*(each[number] if number < len(each) else ()))
            for number, name in enumerate(TARGETS)
        },
        rules=Rules(retrying=rule, rooms=rooms),
    )

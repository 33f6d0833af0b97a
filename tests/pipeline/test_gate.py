"""So many at once, the others in line, and nobody's place is lost."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tollhouse.domain.errors import UpstreamBusy
from tollhouse.domain.fair_line import Ticket
from tollhouse.pipeline.gate import Gate

STEPS = st.lists(
    st.tuples(st.sampled_from(["come", "leave", "give up", "leave and give up", "go on"]), st.integers(0, 9)),
    max_size=80,
)  # fmt: skip


@pytest.mark.req("S-77", "P-33")
async def test_they_are_let_in_in_the_order_in_which_they_came() -> None:
    gate, order = Gate(1, 9, 5.0), []
    assert gate.enter()

    async def come(number: int) -> None:
        await gate.wait()
        order.append(number)
        gate.leave()

    callers = [asyncio.create_task(come(number)) for number in range(5)]
    await asyncio.sleep(0)
    gate.leave()
    await asyncio.wait(callers)

    assert order == [0, 1, 2, 3, 4]
    assert (gate.inside, gate.in_line) == (0, 0)


@pytest.mark.req("S-77", "P-30")
async def test_a_place_passes_by_who_leaves_the_line_in_this_very_moment() -> None:
    gate = Gate(1, 9, 5.0)
    gate.enter()
    leaver, next_one = (asyncio.create_task(gate.wait()) for _ in range(2))
    while gate.in_line < 2:
        await asyncio.sleep(0)

    leaver.cancel()
    gate.leave()
    await asyncio.wait([leaver, next_one])

    assert (leaver.cancelled(), next_one.exception()) == (True, None)
    assert (gate.inside, gate.in_line) == (1, 0)


@pytest.mark.req("S-77", "P-22")
async def test_who_finds_the_line_full_is_told_at_once() -> None:
    gate = Gate(1, 1, 5.0)
    gate.enter()
    first = asyncio.create_task(gate.wait())
    await asyncio.sleep(0)

    with pytest.raises(UpstreamBusy):
        await gate.wait()

    gate.leave()
    await first


@pytest.mark.req("S-77", "B-40")
async def test_nobody_waits_longer_than_the_line_allows() -> None:
    gate = Gate(1, 9, 0.01)
    gate.enter()

    with pytest.raises(UpstreamBusy):
        await gate.wait()

    assert (gate.inside, gate.in_line) == (1, 0)


@pytest.mark.req("P-30", "S-77")
async def test_a_caller_who_gives_up_leaves_the_line_at_once() -> None:
    gate = Gate(1, 9, 5.0)
    gate.enter()
    waiting = asyncio.create_task(gate.wait())
    await asyncio.sleep(0)

    waiting.cancel()
    await asyncio.wait([waiting])

    assert gate.in_line == 0


@pytest.mark.req("P-30", "S-77")
async def test_who_gives_up_in_the_moment_of_its_turn_hands_it_on() -> None:
    gate = Gate(1, 9, 5.0)
    gate.enter()
    first, second = asyncio.create_task(gate.wait()), asyncio.create_task(gate.wait())
    await asyncio.sleep(0)

    gate.leave()
    first.cancel()
    await asyncio.wait([first, second])

    assert second.exception() is None
    assert (gate.inside, gate.in_line) == (1, 0)


@pytest.mark.req("S-77", "P-22")
@given(most=st.integers(1, 3), longest=st.integers(0, 4), steps=STEPS)
@settings(deadline=None)
def test_whoever_comes_leaves_and_gives_up_the_bounds_hold_and_no_place_is_lost(
    most: int, longest: int, steps: list[tuple[str, int]]
) -> None:
    asyncio.run(_play(most, longest, steps))


@pytest.mark.req("P-32")
async def test_one_caller_beside_a_crowd_of_another_project_waits_for_one_turn() -> None:
    gate, order = Gate(1, 200, 5.0), []
    gate.enter()

    async def come(flow: str) -> None:
        await gate.wait(Ticket(flow, cost=100))
        order.append(flow)
        gate.leave()

    callers = [asyncio.create_task(come("crowd")) for _ in range(100)]
    await asyncio.sleep(0)
    callers.append(asyncio.create_task(come("alone")))
    await asyncio.sleep(0)
    gate.leave()
    await asyncio.wait(callers)

    assert order.index("alone") <= 1


@pytest.mark.req("P-32")
async def test_who_stands_in_line_is_told_how_many_go_before_and_how_long_that_takes() -> None:
    now = [0.0]
    gate, told = Gate(1, 9, 5.0, lambda: now[0]), []
    gate.enter()
    waiting = [asyncio.create_task(gate.wait()) for _ in range(4)]
    await asyncio.sleep(0)
    for _ in range(2):  # the line moves: a turn in two seconds
        now[0] += 2
        gate.leave()
        await asyncio.sleep(0)

    last = asyncio.create_task(gate.wait(None, lambda ahead, wait_s: told.append((ahead, wait_s))))
    await asyncio.sleep(0)

    assert (told, gate.expected_s) == ([(2, 6.0)], 6.0)
    for task in (*waiting, last):
        task.cancel()
    await asyncio.wait([*waiting, last])


@pytest.mark.req("P-32")
async def test_a_line_moves_as_its_latest_turns_do_and_not_as_long_as_there_was_none() -> None:
    now = [0.0]
    gate = Gate(1, 9, 60.0, lambda: now[0])
    gate.enter()
    callers = [asyncio.create_task(gate.wait()) for _ in range(4)]
    await asyncio.sleep(0)
    assert gate.expected_s == 0.0  # it has not moved yet
    for took_s in (1, 1, 2):
        now[0] += took_s
        gate.leave()
    assert gate.expected_s == pytest.approx(1.2)

    now[0] += 1.2
    for _ in range(2):
        gate.leave()
        await asyncio.wait(callers)
    now[0] += 1000
    gate.enter()
    callers = [asyncio.create_task(gate.wait()) for _ in range(2)]
    await asyncio.sleep(0)
    now[0] += 1
    gate.leave()

    assert gate.expected_s == pytest.approx(1.2)
    gate.leave()
    await asyncio.wait(callers)


@pytest.mark.req("S-77")
async def test_a_turn_that_comes_too_late_is_nobody_s() -> None:
    now = [0.0]
    gate = Gate(1, 9, 5.0, lambda: now[0])
    gate.enter()
    late = asyncio.create_task(gate.wait())
    await asyncio.sleep(0)

    now[0] = 5.0
    gate.leave()

    assert (gate.inside, gate.in_line, late.done()) == (0, 0, False)
    late.cancel()
    await asyncio.wait([late])
    assert (gate.inside, gate._turns) == (0, {})


async def _play(most: int, longest: int, steps: list[tuple[str, int]]) -> None:
    gate = Gate(most, longest, 60.0)
    waiting: list[asyncio.Task[None]] = []
    inside = 0
    for what, which in steps:
        if what == "come":
            waiting.append(asyncio.create_task(gate.wait()))
        if what in ("leave", "leave and give up") and inside:
            inside -= 1
            gate.leave()
        if what in ("give up", "leave and give up") and waiting:
            waiting[which % len(waiting)].cancel()
        if what == "go on":
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            inside += sum(task.done() and _is_in(task) for task in waiting)
            waiting = [task for task in waiting if not task.done()]
        assert gate.inside <= most
        assert gate.in_line <= longest
    for task in waiting:
        task.cancel()
    if waiting:
        await asyncio.wait(waiting)
    inside += sum(_is_in(task) for task in waiting)
    for _ in range(inside):
        gate.leave()
    assert (gate.inside, gate.in_line) == (0, 0)


def _is_in(task: asyncio.Task[None]) -> bool:
    return not task.cancelled() and task.exception() is None


async def test_who_finds_room_does_not_stand_in_line() -> None:
    gate = Gate(1, 1, 60.0)

    await asyncio.wait_for(gate.wait(), 30.0)

    assert (gate.inside, gate.in_line) == (1, 0)

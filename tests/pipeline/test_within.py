from __future__ import annotations

import asyncio

import pytest

from tollhouse.domain.errors import UpstreamTimeout
from tollhouse.pipeline.within import within


async def test_what_is_done_in_time_is_left_alone() -> None:
    with within(60):
        await asyncio.sleep(0)


async def test_what_takes_longer_ends_in_a_problem() -> None:
    with pytest.raises(UpstreamTimeout, match=r"0\.01 s"):
        await _wait(0.01)


async def test_who_was_ended_can_go_on_waiting_afterwards() -> None:
    with pytest.raises(UpstreamTimeout):
        await _wait(0)

    await asyncio.sleep(0)


async def test_a_cancellation_from_outside_stays_one() -> None:
    task = asyncio.create_task(_wait(60))
    await asyncio.sleep(0)

    task.cancel()
    await asyncio.wait([task])

    assert task.cancelled()


async def test_both_at_once_are_a_cancellation() -> None:
    deadline = within(60)
    task = asyncio.create_task(_wait_within(deadline))
    await asyncio.sleep(0)

    deadline._be_late()
    task.cancel()
    await asyncio.wait([task])

    assert task.cancelled()


async def test_an_error_of_its_own_is_not_hidden() -> None:
    with pytest.raises(RuntimeError), within(60):
        raise RuntimeError


async def test_an_error_on_the_way_out_is_not_hidden_by_the_deadline() -> None:
    with pytest.raises(RuntimeError):
        await _breaks_on_the_way_out()


async def test_nothing_fires_after_the_block() -> None:
    with within(0):
        pass

    for _ in range(5):
        await asyncio.sleep(0)


async def _breaks_on_the_way_out() -> None:
    with within(0):
        try:
            await asyncio.Event().wait()
        finally:
            raise RuntimeError


async def _wait(deadline_s: float) -> None:
    await _wait_within(within(deadline_s))


async def _wait_within(deadline: within) -> None:
    with deadline:
        await asyncio.Event().wait()

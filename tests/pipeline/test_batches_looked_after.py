"""The house looks after what is open: once each time, whatever breaks, and not for ever."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from fakes import FakeAnswer
from pipeline.batches_held import (
    NOW_MS,
    AwayAtFirst,
    Broken,
    open_batch,
    running,
    told,
)
from pipeline.houses import route
from tollhouse.domain.batches import GIVEN_UP_AFTER_S
from tollhouse.domain.budget import Outcome, Settlement, Source
from tollhouse.pipeline import batch_look
from tollhouse.pipeline.batch_look import DEADLINE_S, look_after, look_at_all
from tollhouse.storage import batches
from tollhouse.storage.sqlite import SqliteDatabase

pytestmark = pytest.mark.req("OT-51", "P-3")


async def test_the_house_looks_at_what_is_open_once_each_time(acme: SqliteDatabase) -> None:
    world, keeper = await running(acme, told("completed"))

    await look_at_all(world.house, route(), 1.0)
    await look_at_all(world.house, route(), 1.0)

    assert keeper.asked == ["GET /batches/known"]
    assert [each.outcome for each in world.ledger.settlements] == [Outcome.COMPLETED]


@pytest.mark.req("P-1")
async def test_of_two_houses_that_look_at_once_one_does(acme: SqliteDatabase) -> None:
    world, keeper = await running(acme, told("completed"))

    await asyncio.gather(*(look_at_all(world.house, route(), 1.0) for _ in range(2)))

    assert keeper.asked == ["GET /batches/known"]
    assert (len(world.ledger.settlements), world.watch.crashes) == (1, [])


@pytest.mark.req("P-1")
async def test_the_house_goes_on_looking(acme: SqliteDatabase) -> None:
    world, keeper = await running(acme, told("completed"))

    looking = asyncio.create_task(look_after(world.house, route(), 0.001))
    async with asyncio.timeout(20):
        while not world.ledger.settlements:
            await asyncio.sleep(0.001)
    looking.cancel()
    await asyncio.wait([looking])

    assert keeper.asked == ["GET /batches/known"]


@pytest.mark.req("P-1")
async def test_the_house_goes_on_looking_once_its_store_is_back(acme: SqliteDatabase) -> None:
    world, keeper = await running(acme, told("completed"))
    store: Any = AwayAtFirst(acme)
    world.shelves = replace(world.shelves, store=store)

    looking = asyncio.create_task(look_after(world.house, route(), 0.001))
    async with asyncio.timeout(20):
        while not (world.ledger.settlements or looking.done()):
            await asyncio.sleep(0.001)
    looking.cancel()
    await asyncio.wait([looking])

    assert keeper.asked == ["GET /batches/known"]


async def test_between_two_looks_time_passes(acme: SqliteDatabase) -> None:
    world, keeper = await running(acme, told("completed"), looked_at_ms=1)

    looking = asyncio.create_task(look_after(world.house, route(), 60))
    for _ in range(20):
        await batches.due(acme, NOW_MS, 1)
    looking.cancel()
    await asyncio.wait([looking])

    assert keeper.sent == []


async def test_what_was_looked_at_a_moment_ago_is_left_alone(acme: SqliteDatabase) -> None:
    world, keeper = await running(acme, told(), looked_at_ms=NOW_MS - 999)

    await look_at_all(world.house, route(), 1.0)

    assert keeper.sent == []


async def test_a_look_that_fails_is_tried_again_and_keeps_nobody_else_waiting(
    acme: SqliteDatabase,
) -> None:
    world, _ = await running(acme, told("completed", id="other"), FakeAnswer(500, [b"{}"]))
    other = replace(open_batch(), id="batch_" + "cd" * 16, call="call-10", known_as="other")
    await batches.add(acme, replace(other, looked_at_ms=1))

    await look_at_all(world.house, route(), 1.0)

    assert [each.call for each in world.ledger.settlements] == ["call-10"]
    assert world.watch.crashes == []


async def test_a_look_that_breaks_is_told_to_the_watch(acme: SqliteDatabase) -> None:
    world, _ = await running(acme, told())
    world.shelves = replace(world.shelves, keepers={"first": Broken()})

    await look_at_all(world.house, route(), 1.0)

    assert [type(error) for error in world.watch.crashes] == [RuntimeError]
    assert world.ledger.settlements == []


@pytest.mark.parametrize(("late_ms", "is_given_up"), [(-1, False), (0, True)])
@pytest.mark.parametrize("provider", ["first", "gone"])
async def test_a_batch_whose_end_nobody_sees_is_given_up_and_its_hold_stays(
    acme: SqliteDatabase, provider: str, late_ms: int, is_given_up: bool
) -> None:
    created = NOW_MS - GIVEN_UP_AFTER_S * 1000 - late_ms
    world, _ = await running(acme, told(), provider=provider, created_at_ms=created)

    await look_at_all(world.house, route(), 1.0)

    settled: list[Settlement] = world.ledger.settlements
    assert [(each.outcome, each.owed, each.anomaly) for each in settled] == (
        [(Outcome.UNKNOWN, 0, "batch_lost")] if is_given_up else []
    )
    assert [(each.source, each.price) for each in settled] == (
        [(Source.NOTHING, 1)] if is_given_up else []
    )
    assert world.watch.crashes == []
    assert len(await batches.due(acme, NOW_MS, 9)) == (not is_given_up)


async def test_a_batch_without_a_price_is_given_up_without_one(acme: SqliteDatabase) -> None:
    world, _ = await running(acme, told(), price=None, created_at_ms=1)

    await look_at_all(world.house, route(), 1.0)

    assert [each.price for each in world.ledger.settlements] == [None]


async def test_what_has_ended_is_not_given_up_though_it_was_late(acme: SqliteDatabase) -> None:
    world, _ = await running(acme, told("completed"), created_at_ms=1)

    await look_at_all(world.house, route(), 1.0)

    assert [each.outcome for each in world.ledger.settlements] == [Outcome.COMPLETED]


def test_a_look_has_a_deadline_within_the_day() -> None:
    assert 0 < DEADLINE_S < GIVEN_UP_AFTER_S


async def test_the_reply_of_nobody_takes_whatever_is_said() -> None:
    nobody = batch_look.Nobody()

    await nobody.start(200, ())
    await nobody.write(b"x")
    await nobody.end(b"x")

    assert (nobody.is_started, nobody.is_gone) == (False, False)

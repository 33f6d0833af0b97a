"""Too much to do: a caller of a low class is told before its body is read."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fakes import FakeAnswer, FakeExchange, FakeProvider
from pipeline.houses import CALLER, KEY_ID, World, call, snapshot
from tollhouse.domain.errors import Internal, Overloaded
from tollhouse.domain.identity import Priority
from tollhouse.pipeline.serve import serve


@pytest.mark.req("B-40", "S-81", "OL-14")
async def test_a_call_that_is_refused_for_load_is_not_read_held_or_sent() -> None:
    world = _world(Priority.LOW)
    world.load.under_way = 70
    incoming = call(raw=AssertionError("its body was read"))

    with pytest.raises(Overloaded) as refused:
        await serve(incoming, world.house)

    assert refused.value.retry_after_s == 5
    assert world.ledger.holds == {}
    assert world.providers["first"].sent == []
    (record,) = world.audit.records
    assert (record["status"], record["code"], record["key"]) == (503, "overloaded", KEY_ID)
    assert world.watch.refused == [Priority.LOW]
    assert world.load.under_way == 70


@pytest.mark.req("B-40")
@pytest.mark.parametrize("priority", [Priority.NORMAL, Priority.HIGH])
async def test_a_higher_class_still_passes(priority: Priority) -> None:
    world = _world(priority)
    world.load.under_way = 70

    await serve(call(), world.house)

    assert len(world.providers["first"].sent) == 1
    assert world.load.under_way == 70


@pytest.mark.req("B-40", "P-22")
async def test_a_call_that_fails_is_not_carried_on() -> None:
    world = _world(Priority.NORMAL)

    with pytest.raises(Internal):
        await serve(call(raw=ValueError("within the body")), world.house)

    assert world.load.under_way == 0


def _world(priority: Priority) -> World:
    known = snapshot()
    record = known.keys[KEY_ID]
    keys = {KEY_ID: replace(record, principal=replace(CALLER, priority=priority))}
    return World(
        providers={"first": FakeProvider(FakeExchange(FakeAnswer(200, [b'{"choices":[]}'])))},
        snapshot=replace(known, keys=keys),
    )

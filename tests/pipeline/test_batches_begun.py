"""A batch that begins: its hold stays, and what was not begun for sure is told apart."""

from __future__ import annotations

import json

import pytest

from fakes import FakeAnswer, FakeLimiter
from limits_given import PLACES, rule
from pipeline.batches_held import (
    BEGUN,
    NOW_MS,
    wish,
    with_input,
)
from pipeline.houses import snapshot
from pipeline.shelved import CHAT, served
from tollhouse.domain.budget import Outcome
from tollhouse.domain.errors import (
    BudgetExhausted,
    FieldInvalid,
    UpstreamBroke,
    UpstreamRejected,
)
from tollhouse.domain.limiting import Limits
from tollhouse.domain.rates import Measure
from tollhouse.pipeline.batches import create_batch
from tollhouse.storage import batches
from tollhouse.storage.sqlite import SqliteDatabase

pytestmark = pytest.mark.req("OT-51", "P-3")


async def test_a_batch_that_was_begun_keeps_its_hold_and_is_written_down(
    acme: SqliteDatabase,
) -> None:
    world, keeper = await with_input(acme, BEGUN)

    reply = await served(create_batch, world, wish())

    shown = json.loads(reply.said)
    assert (shown["status"], shown["model"], shown["metadata"]) == ("validating", "m", {"for": "x"})
    assert shown["id"] == "batch_call-1"
    assert keeper.asked[-1] == "POST /batches"
    assert world.ledger.settlements == []
    (found,) = await batches.due(acme, NOW_MS, 9)
    assert (found.known_as, found.target, found.call) == ("batch_known", "first:m-real", "call-1")
    assert found.held == world.ledger.held > 0
    record = world.audit.records[-1]
    assert len(world.audit.records) == 2
    assert (record["target"], record["owed_nanos"]) == ("first:m-real", 0)
    assert record["held_nanos"] == found.held


@pytest.mark.parametrize(
    ("answer", "outcome", "problem"),
    [
        (FakeAnswer(400, [b"{}"]), Outcome.REFUSED, UpstreamRejected),
        (FakeAnswer(200, [b"{}"]), Outcome.UNKNOWN, UpstreamBroke),
        (FakeAnswer(200, [b'{"id":"","status":"validating"}']), Outcome.UNKNOWN, UpstreamBroke),
    ],
    ids=["refused", "told nothing", "without a name"],
)
async def test_a_batch_that_was_not_begun_for_sure_is_settled_as_what_is_known_of_it(
    acme: SqliteDatabase, answer: FakeAnswer, outcome: Outcome, problem: type[Exception]
) -> None:
    world, _ = await with_input(acme, answer)

    with pytest.raises(problem):
        await served(create_batch, world, wish())

    (settled,) = world.ledger.settlements
    assert (settled.outcome, settled.owed) == (outcome, 0)
    assert await batches.due(acme, NOW_MS, 9) == []


@pytest.mark.req("P-31")
async def test_the_place_of_a_call_is_free_while_its_batch_runs(acme: SqliteDatabase) -> None:
    world, _ = await with_input(acme, BEGUN)
    limiter = world.limiter = FakeLimiter()
    world.snapshot = snapshot(
        Limits((rule(1, PLACES), rule(10**6, Measure.OUTPUT_TOKENS_PER_DAY)), None)
    )

    await served(create_batch, world, wish())

    given = [[each.rule.rate.measure for each in back] for _, back in limiter.given_back]
    assert given == [[PLACES]]


async def test_what_cannot_be_held_does_not_leave(acme: SqliteDatabase) -> None:
    world, keeper = await with_input(acme)
    world.ledger = type(world.ledger)(limit=1)

    with pytest.raises(BudgetExhausted):
        await served(create_batch, world, wish())

    assert keeper.asked == ["POST /files"]


@pytest.mark.parametrize(
    ("purpose", "endpoint", "param"),
    [("user_data", CHAT, "input_file_id"), ("batch", "/v1/embeddings", "endpoint")],
)
async def test_only_what_was_judged_is_begun_and_only_as_that(
    acme: SqliteDatabase, purpose: str, endpoint: str, param: str
) -> None:
    world, keeper = await with_input(acme, purpose=purpose)

    with pytest.raises(FieldInvalid) as refused:
        await served(create_batch, world, wish(endpoint))

    assert refused.value.param == param
    assert (keeper.asked, world.ledger.holds) == (["POST /files"], {})

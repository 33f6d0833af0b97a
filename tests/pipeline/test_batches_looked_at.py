"""Who asks after a batch: it is told as it is, settled once for what its results say, and shown to nobody else."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from fakes import FakeAnswer
from pipeline.batches_held import (
    ANSWERED,
    BATCH,
    HELD,
    NOW_MS,
    PRICE,
    open_batch,
    results,
    running,
    told,
)
from pipeline.houses import snapshot
from pipeline.shelved import rows, served
from tollhouse.domain.budget import Source
from tollhouse.domain.errors import (
    BatchUnknown,
    RateLimited,
    UpstreamBroke,
    UpstreamFailed,
)
from tollhouse.domain.limiting import Defaults, Rules
from tollhouse.domain.pricing import Tier
from tollhouse.domain.rates import Measure
from tollhouse.pipeline.batches import cancel_batch, list_batches, show_batch
from tollhouse.state.memory import MemoryLimiter
from tollhouse.storage import batches
from tollhouse.storage.sqlite import SqliteDatabase

pytestmark = pytest.mark.req("OT-51", "P-3")


async def test_a_batch_that_runs_is_told_as_it_is_and_settled_by_nobody(
    acme: SqliteDatabase,
) -> None:
    world, keeper = await running(acme, told())

    reply = await served(show_batch, world, named=BATCH)

    assert json.loads(reply.said)["status"] == "in_progress"
    assert (keeper.asked, world.ledger.settlements) == (["GET /batches/known"], [])
    (found,) = await batches.due(acme, NOW_MS, 9)
    assert json.loads(found.told)["status"] == "in_progress"


@pytest.mark.parametrize(
    ("status", "usages", "owed", "source", "outcome", "anomaly"),
    [
        ("completed", [ANSWERED, ANSWERED], 42_000, "provider", "completed", None),
        ("failed", [], 0, "nothing", "refused", None),
        ("expired", [ANSWERED], 21_000, "provider", "completed", None),
        ("completed", [None], HELD, "hold", "completed", "no_usage"),
        ("completed", [{**ANSWERED, "prompt_tokens": 989}], 999_000, "provider", "completed", None),
        ("completed", [{**ANSWERED, "prompt_tokens": 990}], HELD, "provider", "completed", None),
        (
            "completed",
            [{**ANSWERED, "prompt_tokens": 991}],
            HELD,
            "provider",
            "completed",
            "over_bound",
        ),
    ],
)
async def test_a_batch_that_has_ended_is_settled_for_what_its_results_say(
    acme: SqliteDatabase,
    status: str,
    usages: list[Any],
    owed: int,
    source: str,
    outcome: str,
    anomaly: str | None,
) -> None:
    ended = told(status, output_file_id="out", error_file_id="")
    world, keeper = await running(acme, ended, results(*usages))

    reply = await served(show_batch, world, named=BATCH)
    again = await served(show_batch, world, named=BATCH)

    (settled,) = world.ledger.settlements
    assert (settled.owed, settled.source, settled.outcome, settled.anomaly) == (
        *(owed, source, outcome, anomaly),
    )
    assert (settled.target, settled.price, settled.call) == ("first:m-real", 1, "call-9")
    shown = json.loads(reply.said)
    assert (shown["status"], shown["metadata"]) == (status, {"for": "tests"})
    assert (shown["output_file_id"], shown["error_file_id"]) == ("file-call-9-output", None)
    assert again.said == reply.said
    assert keeper.asked == ["GET /batches/known", "GET /files/out/content"]
    (row,) = await rows(acme)
    assert (row.id, row.known_as, row.answers_as) == ("file-call-9-output", "out", "m")
    assert row.bytes == sum(map(len, results(*usages).pieces))


async def test_a_long_prompt_makes_its_own_line_dearer(acme: SqliteDatabase) -> None:
    tiered = replace(PRICE, tiers=(Tier(10, (("input", 2 * 10**6), ("output", 4 * 10**6))),))
    ended = told("completed", output_file_id="out")
    world, _ = await running(
        acme, ended, results(ANSWERED, {**ANSWERED, "prompt_tokens": 10}), price=tiered
    )

    await served(show_batch, world, named=BATCH)

    (settled,) = world.ledger.settlements
    assert settled.owed == (11 * 2 + 5 * 4 + 10 + 5 * 2) * 1000


async def test_a_batch_without_a_price_owes_nothing(acme: SqliteDatabase) -> None:
    world, _ = await running(
        acme, told("completed", output_file_id="out"), results(ANSWERED), price=None
    )

    await served(show_batch, world, named=BATCH)

    (settled,) = world.ledger.settlements
    assert (settled.owed, settled.price) == (0, None)


async def test_a_line_that_was_refused_owes_nothing(acme: SqliteDatabase) -> None:
    refused = {"custom_id": "b", "response": {"status_code": 400, "body": {"error": {}}}}
    answers = [*results(ANSWERED).pieces, json.dumps(refused).encode()]
    world, _ = await running(
        acme, told("completed", output_file_id="out"), FakeAnswer(200, answers)
    )

    await served(show_batch, world, named=BATCH)

    (settled,) = world.ledger.settlements
    assert (settled.owed, settled.source, settled.anomaly) == (21_000, Source.PROVIDER, None)


@pytest.mark.req("P-13")
@pytest.mark.parametrize(
    "answers",
    [
        [told("completed", id="another")],
        [told("odd")],
        [FakeAnswer(500, [b"{}"])],
        [told("completed", output_file_id="out"), FakeAnswer(200, [b"{"])],
        [told("completed", output_file_id="out"), FakeAnswer(500, [b"{}"])],
    ],
    ids=["another batch", "an odd state", "a failure", "results that are none", "no results"],
)
async def test_a_look_that_tells_nothing_settles_nothing(
    acme: SqliteDatabase, answers: list[FakeAnswer]
) -> None:
    world, _ = await running(acme, *answers)

    with pytest.raises((UpstreamBroke, UpstreamFailed)):
        await served(show_batch, world, named=BATCH)

    assert world.ledger.settlements == []
    assert len(await batches.due(acme, NOW_MS, 9)) == 1


async def test_a_batch_is_cancelled_where_it_runs(acme: SqliteDatabase) -> None:
    world, keeper = await running(acme, told(), told("cancelling"), told("cancelling"))

    reply = await served(cancel_batch, world, named=BATCH)

    assert json.loads(reply.said)["status"] == "cancelling"
    assert keeper.asked == [
        *("GET /batches/known", "POST /batches/known/cancel", "GET /batches/known")
    ]


async def test_a_batch_that_has_ended_is_not_cancelled(acme: SqliteDatabase) -> None:
    world, keeper = await running(acme, told("completed"))

    ended = await served(cancel_batch, world, named=BATCH)
    again = await served(cancel_batch, world, named=BATCH)

    assert json.loads(ended.said)["status"] == json.loads(again.said)["status"] == "completed"
    assert keeper.asked == ["GET /batches/known"]


@pytest.mark.req("P-2", "P-18", "S-48")
@pytest.mark.parametrize("serve", [show_batch, cancel_batch])
@pytest.mark.parametrize(
    "foreign", [{"project": "acme/second"}, {"provider": "gone"}, {"id": "batch_" + "cd" * 16}]
)
async def test_a_batch_that_is_not_here_for_this_project_is_not_there(
    acme: SqliteDatabase, serve: Any, foreign: dict[str, str]
) -> None:
    world, keeper = await running(acme, **foreign)

    with pytest.raises(BatchUnknown):
        await served(serve, world, named=BATCH)

    assert keeper.sent == []


async def test_a_list_of_batches_tells_whether_there_are_more(acme: SqliteDatabase) -> None:
    world, keeper = await running(acme)
    await batches.add(acme, replace(open_batch(), id="batch_" + "cd" * 16, call="call-10"))

    pages = [
        json.loads((await served(list_batches, world, query=b"limit=%d" % limit)).said)
        for limit in (1, 2)
    ]

    assert [(len(page["data"]), page["has_more"]) for page in pages] == [(1, True), (2, False)]
    assert keeper.sent == []


@pytest.mark.req("OP-21", "P-31")
@pytest.mark.parametrize(
    ("serve", "named", "answers"),
    [
        (show_batch, BATCH, [told()]),
        (cancel_batch, BATCH, [told(), told("cancelling"), told("cancelling")]),
        (list_batches, "", []),
    ],
)
async def test_of_two_requests_the_second_is_one_too_many_and_goes_nowhere(
    acme: SqliteDatabase, serve: Any, named: str, answers: list[FakeAnswer]
) -> None:
    world, keeper = await running(acme, *answers)
    rules = Rules(Defaults(), {"route:chat": {Measure.REQUESTS_PER_DAY: 1}})
    world.snapshot = snapshot(rules.of_key("k", "u", "p", "t"))
    world.limiter = MemoryLimiter()
    await served(serve, world, named=named)

    with pytest.raises(RateLimited):
        await served(serve, world, named=named)

    assert len(keeper.sent) == len(answers)

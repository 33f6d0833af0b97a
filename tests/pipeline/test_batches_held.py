"""Batches at a house whose provider is a fake: what is held, what is settled, and what is asked of whom."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import Any

import pytest

from fakes import FakeAnswer, FakeLimiter
from limits_given import PLACES, rule
from pipeline.houses import BODY, CALLER, NOW_NS, World, route, snapshot
from pipeline.shelved import CHAT, KEPT, Keeper, Memory, form, rows, served, shelved
from tollhouse.control import tenancy
from tollhouse.dialects.openai_chat import OpenAIChat
from tollhouse.domain.batches import GIVEN_UP_AFTER_S, Batch
from tollhouse.domain.budget import Outcome, Settlement, Source
from tollhouse.domain.errors import (
    BatchUnknown,
    BudgetExhausted,
    FieldInvalid,
    FilesNotKept,
    RateLimited,
    Refusal,
    StoreUnavailable,
    UpstreamBroke,
    UpstreamFailed,
    UpstreamRejected,
)
from tollhouse.domain.limiting import Defaults, Limits, Rules
from tollhouse.domain.models import Ask
from tollhouse.domain.pricing import Price, Tier
from tollhouse.domain.rates import Measure
from tollhouse.domain.snapshot import DatedPrice
from tollhouse.pipeline import batch_look
from tollhouse.pipeline.batch_input import BYTES_AT_ONCE, Judge
from tollhouse.pipeline.batch_look import DEADLINE_S, look_after, look_at_all
from tollhouse.pipeline.batches import cancel_batch, create_batch, list_batches, show_batch
from tollhouse.pipeline.upload import upload
from tollhouse.state.memory import MemoryLimiter
from tollhouse.storage import batches
from tollhouse.storage.sqlite import SqliteDatabase

BATCH = "batch_" + "ab" * 16
NOW_MS = NOW_NS // 1_000_000
PRICE = Price(1, "first", 10**6, 2 * 10**6, 0, 0)
HELD = 1_000_000
SHOWN = json.dumps({"id": BATCH, "endpoint": CHAT, "metadata": {"for": "tests"}, "status": "odd"})
BEGUN = FakeAnswer(200, [b'{"id":"batch_known","status":"validating"}'])
ANSWERED = {"prompt_tokens": 11, "completion_tokens": 5}

pytestmark = pytest.mark.req("OT-51", "P-3")


def told(status: str = "in_progress", **members: Any) -> FakeAnswer:
    said = {"id": "known", "status": status, **members}
    return FakeAnswer(200, [json.dumps(said).encode()])


def results(*usages: Any) -> FakeAnswer:
    lines = [
        {"custom_id": "a", "response": {"status_code": 200, "body": {"usage": usage}}}
        for usage in usages
    ]
    return FakeAnswer(200, [json.dumps(line).encode() + b"\n" for line in lines])


@pytest.fixture
async def acme(sqlite: SqliteDatabase) -> SqliteDatabase:
    await tenancy.create_tenant(sqlite, "acme", 1)
    await tenancy.create_project(sqlite, "acme", "second", 1)
    return sqlite


# --- judged, line by line --------------------------------------------------------------------


def line(name: str = "a", url: str = CHAT, **members: Any) -> dict[str, Any]:
    return {"custom_id": name, "method": "POST", "url": url, "body": {**BODY, **members}}


def lines(*each: dict[str, Any]) -> bytes:
    return b"\n".join(json.dumps(one).encode() for one in each)


@pytest.mark.req("S-11", "B-20")
@pytest.mark.parametrize(
    ("content", "said"),
    [
        (lines(line("a"), line("b"), line("a")), "Line 3: Another line has the same `custom_id`"),
        (lines(*(line(str(number)) for number in range(4))), "Line 4: A batch has at most 3 lines"),
        (lines(line("a", stream=True)), "Line 1: A batch has no streams"),
        (lines(line("a"), line("b", model="n")), "Line 2: All lines ask the `model` of the first"),
        (lines(line("a"), line("b", url="/v1/completions")), "Line 2: All lines have the `url`"),
        (b"\n\n", "The file has no lines"),
        (lines(line("a", model="unheard of")), "Line 1: There is no model"),
        (lines(line("a", api_base="http://x")), "Line 1: "),
        (b'{"x":"' + b"x" * 2000 + b'"}', "Line 1: "),
    ],
)
async def test_what_is_wrong_with_a_line_is_told_with_its_number_and_nothing_leaves(
    acme: SqliteDatabase, content: bytes, said: str
) -> None:
    world, keeper = strict(acme)

    with pytest.raises(Refusal) as refused:
        await served(upload, world, form(content, purpose="batch"))

    assert said in refused.value.detail
    assert (keeper.sent, await rows(acme)) == ([], [])


async def test_all_lines_are_added_up_by_what_their_target_may_produce(
    acme: SqliteDatabase,
) -> None:
    world, _ = strict(acme, KEPT)
    two = lines(line("a", n=2), line("b", max_tokens=None, max_completion_tokens=999))

    await served(upload, world, form(two, purpose="batch"))

    (row,) = await rows(acme)
    assert row.load is not None
    assert (row.load.lines, row.load.url, row.load.target) == (2, CHAT, "first:m-real")
    assert row.load.output_tokens == 2 * 10 + 100
    assert row.load.input_tokens > 2 * 512


async def test_what_has_no_lines_comes_to_nothing(acme: SqliteDatabase) -> None:
    world, _ = shelved(acme)

    with pytest.raises(FieldInvalid, match="no lines"):
        _ = Judge(CALLER, world.house).load


@pytest.mark.req("P-26")
async def test_while_many_lines_are_judged_others_have_their_turn(acme: SqliteDatabase) -> None:
    world, _ = shelved(acme)
    many = lines(*(line(str(number)) for number in range(300)))
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    task = asyncio.create_task(others())
    judged = [each async for each in Judge(CALLER, world.house).judged(Memory(many).read(0, 10**6))]
    task.cancel()

    assert len(judged) == 300
    assert 1 <= turns <= len(many) // BYTES_AT_ONCE


@pytest.mark.req("P-3")
@pytest.mark.parametrize("dear", [0, 1])
async def test_what_one_line_asks_for_beside_tokens_holds_for_the_batch(
    acme: SqliteDatabase, dear: int
) -> None:
    world, _ = shelved(acme, KEPT)
    free = Price(1, "first", 0, 0, 0, 0)
    prices = dict.fromkeys(world.snapshot.prices, (DatedPrice(0.0, free),))
    world.snapshot = replace(world.snapshot, prices=prices)
    more = {"service_tier": "priority"}
    two = [line(str(number), **(more if number == dear else {})) for number in range(2)]

    await served(upload, world, form(lines(*two), purpose="batch"))

    (row,) = await rows(acme)
    assert row.load is not None
    assert "service_tier" in row.load.unpriced


async def test_as_many_lines_as_may_be_are_judged(acme: SqliteDatabase) -> None:
    world, _ = strict(acme, KEPT)

    await served(upload, world, form(lines(*(line(str(n)) for n in range(3))), purpose="batch"))

    assert len(await rows(acme)) == 1


@pytest.mark.req("P-2")
async def test_a_batch_goes_to_the_first_target_that_keeps_files_and_speaks_its_dialect(
    acme: SqliteDatabase,
) -> None:
    world, keeper = strict(acme, KEPT)
    world.providers = dict.fromkeys(("first", "second", "third"), keeper)
    world.shelves = replace(world.shelves, keepers={"second": keeper, "third": keeper})

    await served(upload, world, form(lines(line()), purpose="batch"))

    (row,) = await rows(acme)
    assert (row.provider, row.load and row.load.target) == ("second", "second:m-real")


@pytest.mark.req("P-2")
async def test_a_target_that_keeps_files_and_speaks_otherwise_is_left_out(
    acme: SqliteDatabase,
) -> None:
    world, keeper = strict(acme, KEPT)
    other = Keeper(dialect=Lasting())
    other.speaks = lambda _: False  # type: ignore[method-assign]
    world.providers = {"first": other, "second": keeper, "third": keeper}
    world.shelves = replace(world.shelves, keepers={"first": other, "second": keeper})

    await served(upload, world, form(lines(line()), purpose="batch"))

    assert [row.provider for row in await rows(acme)] == ["second"]


@pytest.mark.req("P-3")
@pytest.mark.parametrize(
    ("kept", "keeps"), [(("keep", ""), True), (("", "keep"), True), (("", ""), False)]
)
async def test_one_line_that_may_be_kept_for_long_is_held_for_as_that(
    acme: SqliteDatabase, kept: tuple[str, str], keeps: bool
) -> None:
    world, _ = strict(acme, KEPT)
    world.shelves = replace(world.shelves, endpoints={CHAT: Lasting()})
    two = [line(str(number), user=user) for number, user in enumerate(kept)]

    await served(upload, world, form(lines(*two), purpose="batch"))

    (row,) = await rows(acme)
    assert row.load is not None
    assert row.load.may_keep_long is keeps


@pytest.mark.req("P-2")
async def test_where_no_target_keeps_files_a_line_is_refused(acme: SqliteDatabase) -> None:
    world, keeper = strict(acme)
    world.providers = dict.fromkeys(("first", "second", "third"), keeper)
    world.shelves = replace(world.shelves, keepers={})

    with pytest.raises(FilesNotKept, match="Line 1: No target"):
        await served(upload, world, form(lines(line()), purpose="batch"))


# --- begun -----------------------------------------------------------------------------------


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


# --- looked at -------------------------------------------------------------------------------


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


# --- looked after ----------------------------------------------------------------------------


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


# --- helpers ---------------------------------------------------------------------------------


class AwayAtFirst:
    """A database that is there again after it was asked once."""

    def __init__(self, store: SqliteDatabase) -> None:
        self.write = store.write
        self._store = store
        self._was_asked = False

    async def read(self, sql: str, *values: Any) -> Any:
        if not self._was_asked:
            self._was_asked = True
            raise StoreUnavailable
        return await self._store.read(sql, *values)


class Lasting(OpenAIChat):
    """Has a way to ask that a prompt be kept for long."""

    def peek(self, body: Any) -> Ask:
        return replace(super().peek(body), may_keep_long=b"keep" in body)


class Broken(Keeper):
    def errand(self, errand: Any) -> Any:
        raise RuntimeError("nobody thought of this")


def strict(store: SqliteDatabase, *answers: FakeAnswer) -> tuple[World, Keeper]:
    """One that takes three short lines."""
    world, keeper = shelved(store, *answers)
    endpoints = {**world.shelves.endpoints, "/v1/completions": world.shelves.endpoints[CHAT]}
    world.shelves = replace(world.shelves, endpoints=endpoints, most_lines=3, most_line_bytes=1000)
    return world, keeper


async def with_input(
    store: SqliteDatabase, *answers: FakeAnswer, purpose: str = "batch"
) -> tuple[World, Keeper]:
    """The file is there already, and is named in `wish`."""
    world, keeper = shelved(store, KEPT, *answers)
    await served(upload, world, form(lines(line("a"), line("b")), purpose=purpose))
    return world, keeper


def wish(endpoint: str = CHAT) -> bytes:
    return json.dumps(
        {
            "input_file_id": "file-call-1",
            "endpoint": endpoint,
            "completion_window": "24h",
            "metadata": {"for": "x"},
        }
    ).encode()


def open_batch(price: Price | None = PRICE) -> Batch:
    return Batch(
        *(BATCH, "acme/default", "first", "known", "call-9", "file-1", "m", "first:m-real"),
        HELD,
        price,
        SHOWN,
        NOW_MS - 5000,
        NOW_MS - 2000,
    )


async def running(
    store: SqliteDatabase, *answers: FakeAnswer, price: Price | None = PRICE, **members: Any
) -> tuple[World, Keeper]:
    world, keeper = shelved(store, *answers)
    await batches.add(store, replace(open_batch(price), **members))
    return world, keeper

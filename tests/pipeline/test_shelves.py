"""Files that a provider keeps, at a house whose provider is a fake: what is asked of it, and what never is."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from fakes import FakeAnswer
from pipeline.houses import BODY, call, planned, snapshot
from pipeline.shelved import CHAT, ID, KEPT, Meanwhile, Serve, form, kept, rows, served, shelved
from tollhouse.domain.budget import Outcome
from tollhouse.domain.errors import (
    FieldInvalid,
    FileHomeUndecided,
    FilesNotKept,
    FileUnknown,
    Internal,
    ModelUnknown,
    RateLimited,
    TooManyFiles,
    UpstreamBroke,
    UpstreamFailed,
)
from tollhouse.domain.exchange import Errand
from tollhouse.domain.limiting import Defaults, Rules
from tollhouse.domain.metering import Meter
from tollhouse.domain.parcels import Parcel
from tollhouse.domain.rates import Measure
from tollhouse.pipeline.errand import MOST_OF_A_REPLY, on_errand, told
from tollhouse.pipeline.files import delete_file, list_files, read_file, show_file
from tollhouse.pipeline.upload import upload
from tollhouse.state.memory import MemoryLimiter
from tollhouse.storage.sqlite import SqliteDatabase

LINE = {"custom_id": "a", "method": "POST", "url": CHAT, "body": BODY}

pytestmark = pytest.mark.req("OT-50")


# --- what comes in ---------------------------------------------------------------------------


async def test_a_file_is_sent_to_its_keeper_and_written_down(acme: SqliteDatabase) -> None:
    world, keeper = shelved(acme, KEPT)

    reply = await served(upload, world, form(b"hello"))

    (sent,) = keeper.sent
    assert isinstance(sent.body, Parcel)
    assert sent.body.texts == {"purpose": "user_data"}
    assert b"hello" in b"".join([piece async for piece in sent.body.pieces()])
    (row,) = await rows(acme)
    assert (row.known_as, row.provider, row.bytes, row.load) == ("known", "first", 5, None)
    assert row.expires_at_ms is None
    assert json.loads(reply.said)["id"] == row.id == "file-call-1"
    assert (reply.status, dict(reply.headers)[b"content-type"]) == (200, b"application/json")
    assert len(world.audit.records) == 1


async def test_a_file_that_ends_says_when(acme: SqliteDatabase) -> None:
    world, keeper = shelved(acme, KEPT)
    after = {"expires_after[anchor]": "created_at", "expires_after[seconds]": "3600"}

    await served(upload, world, form(b"hello", **after))

    (row,) = await rows(acme)
    assert row.expires_at_ms == row.created_at_ms + 3_600_000
    (sent,) = keeper.sent
    assert isinstance(sent.body, Parcel)
    assert sent.body.texts == {"purpose": "user_data", **after}


@pytest.mark.req("OT-51")
async def test_the_input_of_a_batch_is_judged_and_one_model_s(acme: SqliteDatabase) -> None:
    world, keeper = shelved(acme, KEPT)

    await served(upload, world, form(json.dumps(LINE).encode(), purpose="batch"))

    (row,) = await rows(acme)
    assert row.load is not None
    assert (row.load.lines, row.load.model, row.answers_as) == (1, "m", "m")
    (sent,) = keeper.sent
    assert isinstance(sent.body, Parcel)
    left = b"".join([piece async for piece in sent.body.pieces()])
    assert b'"m-real"' in left
    assert len(left) == len(sent.body)


@pytest.mark.req("OT-51")
async def test_the_lines_of_a_batch_say_their_model_themselves(acme: SqliteDatabase) -> None:
    world, keeper = shelved(acme, KEPT)

    with pytest.raises(FieldInvalid) as refused:
        await served(upload, world, form(json.dumps(LINE).encode(), purpose="batch", model="m"))

    assert refused.value.param == "model"
    assert (keeper.sent, await rows(acme)) == ([], [])


async def test_a_project_has_so_many_files(acme: SqliteDatabase) -> None:
    world, keeper = shelved(acme, KEPT, most_files=2)
    for number in range(2):
        await kept(acme, f"file-{number}")

    with pytest.raises(TooManyFiles):
        await served(upload, world, form(b"x"))

    assert keeper.sent == []


async def test_what_belongs_to_a_project_that_is_gone_by_then_is_deleted_where_it_is_kept(
    acme: SqliteDatabase,
) -> None:
    async def delete() -> None:
        await acme.write(("DELETE FROM projects WHERE id = 'acme/default'", ()))

    world, keeper = shelved(acme, KEPT, FakeAnswer(200, [b"{}"]))
    keeper.exchanges = (Meanwhile(delete), *keeper.exchanges[1:])

    with pytest.raises(Internal):
        await served(upload, world, form(b"x"))

    assert keeper.asked == ["POST /files", "DELETE /files/known"]


@pytest.mark.req("P-2")
@pytest.mark.parametrize(
    ("keepers", "model", "home"),
    [
        (("first",), None, "first"),
        (("second",), None, "second"),
        (("second", "third"), "m", "second"),
        (("first", "third"), None, FileHomeUndecided),
        ((), None, FilesNotKept),
        ((), "m", FilesNotKept),
        (("elsewhere",), "m", FilesNotKept),
        (("first",), "unheard of", ModelUnknown),
    ],
)
async def test_who_keeps_a_file_is_who_answers_its_model(
    acme: SqliteDatabase, keepers: tuple[str, ...], model: str | None, home: Any
) -> None:
    world, keeper = shelved(acme, KEPT)
    named = dict.fromkeys(("first", "second", "third", "elsewhere"), keeper)
    world.providers = named
    world.shelves = replace(world.shelves, keepers={name: named[name] for name in keepers})
    asked = form(b"x", **({"model": model} if model else {}))

    if isinstance(home, str):
        await served(upload, world, asked)
        assert [row.provider for row in await rows(acme)] == [home]
        return
    with pytest.raises(home):
        await served(upload, world, asked)
    assert keeper.sent == []


@pytest.mark.req("OP-21", "P-31")
@pytest.mark.parametrize(
    ("serve", "named", "answers"),
    [
        (upload, "", 1),
        (list_files, "", 0),
        (show_file, ID, 0),
        (read_file, ID, 1),
        (delete_file, ID, 1),
    ],
)
async def test_of_two_requests_the_second_is_one_too_many_and_goes_nowhere(
    acme: SqliteDatabase, serve: Serve, named: str, answers: int
) -> None:
    rules = Rules(Defaults(), {"route:chat": {Measure.REQUESTS_PER_DAY: 1}})
    world, keeper = shelved(acme, *[KEPT] * answers)
    world.snapshot = snapshot(rules.of_key("k", "u", "p", "t"))
    world.limiter = MemoryLimiter()
    await kept(acme)
    await served(serve, world, form(b"x"), named=named)
    await kept(acme)

    with pytest.raises(RateLimited):
        await served(serve, world, form(b"x"), named=named)

    assert len(keeper.sent) == answers
    assert len(world.audit.records) == 2


# --- what is there ---------------------------------------------------------------------------


async def test_a_list_tells_so_many_and_whether_there_are_more(acme: SqliteDatabase) -> None:
    world, keeper = shelved(acme)
    for number in range(3):
        await kept(acme, f"file-{number}")

    pages = [
        json.loads((await served(list_files, world, query=b"limit=%d" % limit)).said)
        for limit in (2, 3)
    ]

    assert [len(page["data"]) for page in pages] == [2, 3]
    assert [page["has_more"] for page in pages] == [True, False]
    assert keeper.sent == []


async def test_a_file_is_shown_from_what_is_written_down(acme: SqliteDatabase) -> None:
    world, keeper = shelved(acme)
    await kept(acme)

    shown = json.loads((await served(show_file, world, named=ID)).said)

    assert (shown["id"], shown["filename"], shown["bytes"]) == (ID, "a.txt", 5)
    assert keeper.sent == []


@pytest.mark.req("P-2", "P-18")
@pytest.mark.parametrize("serve", [show_file, read_file, delete_file])
@pytest.mark.parametrize(
    "foreign", [{"project": "acme/second"}, {"provider": "gone"}, {"id": "file-other"}]
)
async def test_what_is_not_here_for_this_project_is_not_there(
    acme: SqliteDatabase, serve: Serve, foreign: dict[str, str]
) -> None:
    world, keeper = shelved(acme, KEPT)
    await kept(acme, **foreign)

    with pytest.raises(FileUnknown):
        await served(serve, world, named=ID)

    assert keeper.sent == []
    assert len(world.audit.records) == 1


async def test_the_bytes_of_a_file_pass_as_they_come(acme: SqliteDatabase) -> None:
    world, keeper = shelved(acme, FakeAnswer(200, [b'{"model":', b'"m-real"}']))
    await kept(acme)

    reply = await served(read_file, world, named=ID)

    assert (reply.said, reply.is_ended) == (b'{"model":"m-real"}', True)
    assert (b"content-type", b"application/octet-stream") in reply.headers
    assert keeper.asked == ["GET /files/known/content"]
    assert reply.last_words is not None
    assert reply.last_words(UpstreamBroke(), "request-1") == b""


@pytest.mark.req("OT-51", "R-5")
async def test_the_results_of_a_batch_bear_the_name_that_was_asked(acme: SqliteDatabase) -> None:
    lines = b'{"response":{"body":{"model":"m-real"}}}\n{"response":{"body":{"model":"m-real"}}}'
    world, _ = shelved(acme, FakeAnswer(200, [lines[:30], lines[30:]]))
    await kept(acme, answers_as="m")

    reply = await served(read_file, world, named=ID)

    assert [json.loads(each)["response"]["body"] for each in reply.said.splitlines()] == [
        {"model": "m"}
    ] * 2


@pytest.mark.parametrize("status", [200, 404])
async def test_what_is_deleted_is_forgotten_also_where_its_keeper_has_lost_it(
    acme: SqliteDatabase, status: int
) -> None:
    world, keeper = shelved(acme, FakeAnswer(status, [b"{}"]))
    await kept(acme)

    reply = await served(delete_file, world, named=ID)

    assert json.loads(reply.said) == {"id": ID, "object": "file", "deleted": True}
    assert (keeper.asked, await rows(acme)) == (["DELETE /files/known"], [])


async def test_what_cannot_be_deleted_at_its_keeper_is_still_known(acme: SqliteDatabase) -> None:
    world, _ = shelved(acme, FakeAnswer(500, [b"{}"]))
    await kept(acme)

    with pytest.raises(UpstreamFailed):
        await served(delete_file, world, named=ID)

    assert len(await rows(acme)) == 1


async def test_a_file_that_its_keeper_has_lost_is_not_there(acme: SqliteDatabase) -> None:
    world, _ = shelved(acme, FakeAnswer(404, [b"{}"]))
    await kept(acme)

    with pytest.raises(FileUnknown, match="does not keep this file any more"):
        await served(read_file, world, named=ID)


# --- errands ---------------------------------------------------------------------------------


@pytest.mark.req("P-13")
@pytest.mark.parametrize(
    ("size", "passes"), [(0, True), (MOST_OF_A_REPLY, True), (MOST_OF_A_REPLY + 1, False)]
)
async def test_what_is_told_of_a_file_is_bounded(
    acme: SqliteDatabase, size: int, passes: bool
) -> None:
    world, _ = shelved(acme, FakeAnswer(200, [b"x" * size]))
    errand = Errand(b"GET", b"/files/known")

    if passes:
        assert len(await told(call(), "first", errand, world.house)) == size
        return
    with pytest.raises(UpstreamBroke):
        await told(call(), "first", errand, world.house)


@pytest.mark.req("P-13")
@pytest.mark.parametrize(
    ("encoding", "passes"), [(b"identity", True), (b"Identity", True), (b"gzip", False)]
)
async def test_what_comes_in_an_encoding_that_was_not_asked_for_is_not_read(
    acme: SqliteDatabase, encoding: bytes, passes: bool
) -> None:
    world, _ = shelved(acme, FakeAnswer(200, [b"x"], {b"content-encoding": encoding}))
    errand = Errand(b"GET", b"/files/known")

    if passes:
        assert await told(call(), "first", errand, world.house) == b"x"
        return
    with pytest.raises(UpstreamBroke):
        await told(call(), "first", errand, world.house)


async def test_an_errand_is_done_when_its_answer_was_read_to_its_end(
    acme: SqliteDatabase,
) -> None:
    world, _ = shelved(acme, FakeAnswer(200, [b"x", b"y"]))
    meters: list[Meter] = []
    async with on_errand(call(), "first", Errand(b"GET", b"/files/known"), world.house) as found:
        meters.append(found._meter)
        ends = [(await found.read(), meters[0].outcome is Outcome.COMPLETED) for _ in range(3)]

    assert ends == [(b"x", False), (b"y", False), (b"", True)]


async def test_a_meter_of_its_own_follows_an_errand_for_which_something_is_held(
    acme: SqliteDatabase,
) -> None:
    world, _ = shelved(acme, FakeAnswer(200, [b"x"]))
    plan = planned()
    meter = Meter("call-1", replace(plan, legs=plan.legs[:1]))

    await told(call(), "first", Errand(b"POST", b"/batches", b"{}"), world.house, meter)

    assert meter.outcome is Outcome.COMPLETED

"""What a batch asks for, line by line: judged, added up, and sent where its dialect is spoken."""

from __future__ import annotations

import asyncio
from contextlib import nullcontext
from dataclasses import replace

import pytest

from pipeline.batches_held import (
    Lasting,
    line,
    lines,
    strict,
)
from pipeline.houses import CALLER
from pipeline.shelved import CHAT, KEPT, Keeper, Memory, form, rows, served, shelved
from tollhouse.domain.bounds import bounds
from tollhouse.domain.errors import (
    FieldInvalid,
    FilesNotKept,
    PurposeNotAllowed,
    Refusal,
)
from tollhouse.domain.pricing import Price
from tollhouse.domain.snapshot import DatedPrice
from tollhouse.pipeline.batch_input import BYTES_AT_ONCE, Judge
from tollhouse.pipeline.upload import upload
from tollhouse.storage.sqlite import SqliteDatabase

pytestmark = pytest.mark.req("OT-51", "P-3")


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


@pytest.mark.req("B-21")
@pytest.mark.parametrize(
    ("purposes", "is_taken"), [(["batches"], False), (["batches", "chat"], True)]
)
async def test_a_key_that_is_not_for_what_a_line_does_gets_none_of_it(
    acme: SqliteDatabase, purposes: list[str], is_taken: bool
) -> None:
    world, _ = shelved(acme)
    judge = Judge(replace(CALLER, bounds=bounds([], purposes)), world.house)
    content = Memory(lines(line("a"))).read(0, 10**6)

    with nullcontext() if is_taken else pytest.raises(PurposeNotAllowed, match="Line 1: "):
        judged = [each async for each in judge.judged(content)]
        assert len(judged) == 1


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

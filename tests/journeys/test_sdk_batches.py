"""OpenAI's own client runs batches: held for before they leave, settled once for what they came to."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import openai
import pytest
from aiohttp import web
from openai import AsyncOpenAI
from openai.types import Batch, FileObject

from journeys.gateway import MODEL, NANOS_IN, NANOS_OUT, TARGET, Gateway, gateway, now_ms, until
from journeys.shelf import Shelf
from journeys.shelves import asking, is_known
from tollhouse.control import prices
from tollhouse.control.prices import Rates

pytestmark = pytest.mark.req("OT-51", "P-3")

CHAT = "/v1/chat/completions"
LOOKS = "[files]\nlook_every_s = 1\n"
DAY_MS = 86_400_000


def line(custom_id: str = "a", url: str = CHAT, **body: Any) -> dict[str, Any]:
    said = {"model": MODEL, "messages": [{"role": "user", "content": "hello"}], "max_tokens": 10}
    return {"custom_id": custom_id, "method": "POST", "url": url, "body": {**said, **body}}


def result(custom_id: str, prompt: int = 11, output: int = 5, **body: Any) -> dict[str, Any]:
    usage = {"prompt_tokens": prompt, "completion_tokens": output, "total_tokens": prompt + output}
    answer = {"id": "chatcmpl-1", "model": "m-real", "choices": [], "usage": usage, **body}
    response = {"status_code": 200, "request_id": "r", "body": answer}
    return {"id": "batch_req_1", "custom_id": custom_id, "response": response, "error": None}


def failed(custom_id: str) -> dict[str, Any]:
    error = {"error": {"message": "no such thing at http://10.0.0.1/x", "type": "invalid"}}
    response = {"status_code": 400, "request_id": "r", "body": error}
    return {"id": "batch_req_2", "custom_id": custom_id, "response": response, "error": None}


def content(*lines: dict[str, Any]) -> bytes:
    return b"".join(json.dumps(each).encode() + b"\n" for each in lines)


async def sent(client: AsyncOpenAI, *lines: dict[str, Any]) -> FileObject:
    return await client.files.create(file=("in.jsonl", content(*lines)), purpose="batch")


async def begun(client: AsyncOpenAI, *lines: dict[str, Any], **members: Any) -> Batch:
    file = await sent(client, *(lines or (line("a"), line("b"))))
    return await client.batches.create(
        input_file_id=file.id, endpoint=CHAT, completion_window="24h", **members
    )


def the_one(shelf: Shelf) -> str:
    (known_as,) = shelf.batches
    return known_as


@pytest.fixture
async def looking(tmp_path: Path, shelf: Shelf) -> AsyncIterator[Gateway]:
    """One that looks at its batches by itself, each second."""
    async with gateway(tmp_path, shelf.url, up="keeps_files = true", store=LOOKS) as it:
        yield it


# --- what leaves -----------------------------------------------------------------------------


async def test_the_lines_leave_under_the_name_and_the_bounds_of_their_target(
    shelf_client: AsyncOpenAI, shelf: Shelf
) -> None:
    with_more = line("b", max_tokens=None, max_completion_tokens=99_999, temperature=0.5)

    file = await sent(shelf_client, line("a"), with_more)

    first, second = (json.loads(each) for each in shelf.contents["file-UPSTREAM1"].splitlines())
    assert (first["body"]["model"], first["body"]["max_tokens"]) == ("m-real", 10)
    assert (second["body"]["model"], second["body"]["max_tokens"]) == ("m-real", 1000)
    assert second["body"]["temperature"] == 0.5
    assert [each["custom_id"] for each in (first, second)] == ["a", "b"]
    assert (file.purpose, file.bytes) == ("batch", len(content(line("a"), with_more)))


async def test_what_comes_back_of_the_input_bears_the_name_that_was_asked(
    shelf_client: AsyncOpenAI,
) -> None:
    file = await sent(shelf_client, line("a"))

    back = await shelf_client.files.content(file.id)

    assert json.loads(back.content)["body"]["model"] == MODEL


async def test_a_batch_leaves_by_the_providers_names_and_comes_back_by_ours(
    shelf_client: AsyncOpenAI, shelf: Shelf
) -> None:
    batch = await begun(shelf_client, metadata={"for": "tests"})

    told = shelf.batches[the_one(shelf)]
    assert told["input_file_id"] == "file-UPSTREAM1"
    assert (told["endpoint"], told["completion_window"], told["metadata"]) == (
        CHAT,
        "24h",
        {"for": "tests"},
    )
    assert (batch.object, batch.status, batch.endpoint) == ("batch", "validating", CHAT)
    assert (batch.model, batch.metadata) == (MODEL, {"for": "tests"})
    assert "UPSTREAM" not in batch.model_dump_json()
    assert batch.request_counts is not None
    assert batch.request_counts.total == 2


# --- money -----------------------------------------------------------------------------------


async def test_all_lines_are_held_for_before_the_batch_leaves_and_until_it_has_ended(
    shelf_door: Gateway, shelf_client: AsyncOpenAI, shelf: Shelf
) -> None:
    alone = [await shelf_door.worst(json.dumps(line(name)["body"]).encode()) for name in "ab"]

    batch = await begun(shelf_client, line("a"), line("b"))
    again = await shelf_client.batches.retrieve(batch.id)

    assert again.status == "validating"
    ((state, held, route),) = await shelf_door.rows("SELECT state, held, route FROM calls")
    assert (state, route) == ("held", "batch_create")
    assert sum(alone) - 200 * NANOS_IN <= held <= sum(alone) + 200 * NANOS_IN
    assert await shelf_door.held() == 4 * held
    assert await shelf_door.spent() == 0


async def test_a_batch_that_has_ended_is_settled_once_for_what_its_results_say(
    shelf_door: Gateway, shelf_client: AsyncOpenAI, shelf: Shelf
) -> None:
    batch = await begun(shelf_client, line("a"), line("b"), line("c"))
    shelf.answer(the_one(shelf), [result("a"), result("b", 12, 7)])
    shelf.answer(the_one(shelf), [failed("c")], where="error")
    shelf.run(the_one(shelf), status="completed", completed_at=1_800_000_100)

    ended = [await shelf_client.batches.retrieve(batch.id) for _ in range(3)]

    owed = 23 * NANOS_IN + 12 * NANOS_OUT
    assert [each.status for each in ended] == ["completed"] * 3
    assert await shelf_door.spent() == owed
    await shelf_door.nothing_is_held()
    columns = "state, outcome, owed, input, output, source, target, anomaly"
    ((*row,),) = await shelf_door.rows(f"SELECT {columns} FROM calls")
    assert row == ["settled", "completed", owed, 23, 12, "provider", TARGET, None]
    assert shelf.asked.count(f"GET /batches/{the_one(shelf)}") == 1
    assert shelf.asked.count("GET /files/file-UPSTREAM3/content") == 1
    await shelf_door.is_consistent()


async def test_results_are_read_by_the_name_that_was_asked_and_their_errors_are_clean(
    shelf_client: AsyncOpenAI, shelf: Shelf
) -> None:
    batch = await begun(shelf_client)
    shelf.answer(the_one(shelf), [result("a")])
    shelf.answer(the_one(shelf), [failed("b")], where="error")
    shelf.run(the_one(shelf), status="completed")
    ended = await shelf_client.batches.retrieve(batch.id)

    assert ended.output_file_id is not None
    assert ended.error_file_id is not None
    shown = await shelf_client.files.retrieve(ended.output_file_id)
    output = json.loads((await shelf_client.files.content(ended.output_file_id)).content)
    errors = (await shelf_client.files.content(ended.error_file_id)).content

    assert (shown.purpose, shown.filename) == ("batch_output", f"{batch.id}_output.jsonl")
    assert output["response"]["body"] == {**result("a")["response"]["body"], "model": MODEL}
    assert b"10.0.0.1" not in errors
    assert json.loads(errors)["custom_id"] == "b"
    assert "UPSTREAM" not in ended.model_dump_json() + shown.model_dump_json()


async def test_a_price_of_the_batch_tier_holds_for_batches_alone(
    shelf_door: Gateway, shelf_client: AsyncOpenAI, shelf: Shelf
) -> None:
    half = Rates("0.5", "1")
    await shelf_door.on_store(
        lambda store: prices.set_price(store, f"{TARGET}@batch", half, None, now_ms())
    )
    full = await shelf_door.worst(json.dumps(line()["body"]).encode())

    async def is_half() -> bool:
        file = await sent(shelf_client, line())
        await shelf_client.batches.create(
            input_file_id=file.id, endpoint=CHAT, completion_window="24h"
        )
        rows = await shelf_door.rows("SELECT held FROM calls ORDER BY id DESC")
        return bool(rows[0][0] < full * 0.6)

    await until(is_half, "the price is known")


@pytest.mark.parametrize("status", ["failed", "cancelled", "expired"])
async def test_a_batch_that_answered_nothing_costs_nothing(
    shelf_door: Gateway, shelf_client: AsyncOpenAI, shelf: Shelf, status: str
) -> None:
    batch = await begun(shelf_client)
    fault = {"code": "x", "line": 1, "message": "bad line at 10.0.0.1"}
    shelf.run(the_one(shelf), status=status, errors={"object": "list", "data": [fault]})

    ended = await shelf_client.batches.retrieve(batch.id)

    assert ended.status == status
    assert "10.0.0.1" not in ended.model_dump_json()
    assert await shelf_door.spent() == 0
    await shelf_door.nothing_is_held()


async def test_what_a_cancelled_batch_answered_before_is_owed(
    shelf_door: Gateway, shelf_client: AsyncOpenAI, shelf: Shelf
) -> None:
    batch = await begun(shelf_client)

    cancelling = await shelf_client.batches.cancel(batch.id)
    held = await shelf_door.held()
    shelf.answer(the_one(shelf), [result("a")])
    shelf.run(the_one(shelf), status="cancelled")
    cancelled = await shelf_client.batches.cancel(batch.id)

    assert (cancelling.status, cancelled.status) == ("cancelling", "cancelled")
    assert held > 0
    assert await shelf_door.spent() == 11 * NANOS_IN + 5 * NANOS_OUT
    await shelf_door.nothing_is_held()


@pytest.mark.parametrize(
    ("answer", "source"),
    [
        (result("a", 10**9, 10**9), "provider"),
        (result("a", usage=None), "hold"),
        (result("a", usage="x"), "hold"),
    ],
    ids=["more than was asked", "none", "nonsense"],
)
async def test_usage_that_cannot_be_believed_costs_what_was_held_and_no_more(
    shelf_door: Gateway,
    shelf_client: AsyncOpenAI,
    shelf: Shelf,
    answer: dict[str, Any],
    source: str,
) -> None:
    batch = await begun(shelf_client)
    shelf.answer(the_one(shelf), [answer])
    shelf.run(the_one(shelf), status="completed")

    await shelf_client.batches.retrieve(batch.id)

    ((held, owed, found, anomaly),) = await shelf_door.rows(
        "SELECT held, owed, source, anomaly FROM calls"
    )
    assert owed == held
    assert found == source
    assert anomaly in ("over_bound", "no_usage")


@pytest.mark.parametrize("lines", [b"{", b"[]\n", b"\xff\n", b'{"response": 7}\n'])
async def test_results_that_are_none_settle_nothing_yet(
    shelf_door: Gateway, shelf_client: AsyncOpenAI, shelf: Shelf, lines: bytes
) -> None:
    batch = await begun(shelf_client)
    file = shelf.keep(lines, "batch_output", "x")
    shelf.run(the_one(shelf), status="completed", output_file_id=file)

    with pytest.raises(openai.InternalServerError) as broke:
        await shelf_client.batches.retrieve(batch.id)

    assert broke.value.code == "upstream_broke"
    assert await shelf_door.held() > 0
    shelf.contents[file] = content(result("a"))
    assert (await shelf_client.batches.retrieve(batch.id)).status == "completed"
    await shelf_door.nothing_is_held()


async def test_without_a_budget_for_all_of_it_nothing_leaves(tmp_path: Path, shelf: Shelf) -> None:
    async with (
        gateway(tmp_path, shelf.url, up="keeps_files = true", limit=1_000_000) as it,
        asking(it, it.key) as client,
    ):
        file = await sent(client, *(line(str(number)) for number in range(20)))
        with pytest.raises(openai.APIStatusError) as refused:
            await client.batches.create(
                input_file_id=file.id, endpoint=CHAT, completion_window="24h"
            )
        assert (refused.value.status_code, refused.value.code) == (402, "budget_exhausted")
        assert shelf.batches == {}
        await it.nothing_is_held()
        assert await it.rows("SELECT id FROM calls WHERE state <> 'settled'") == []


async def test_what_the_provider_refuses_is_settled_at_nothing(
    shelf_door: Gateway, shelf_client: AsyncOpenAI, shelf: Shelf
) -> None:
    file = await sent(shelf_client, line())
    error = {"error": {"message": "Enqueued token limit reached", "type": "x"}}
    shelf.refuses = lambda asked: (
        web.json_response(error, status=400) if asked == "POST /batches" else None
    )

    with pytest.raises(openai.BadRequestError) as refused:
        await shelf_client.batches.create(
            input_file_id=file.id, endpoint=CHAT, completion_window="24h"
        )

    assert refused.value.code == "upstream_rejected"
    await shelf_door.has_settled()
    assert await shelf_door.rows("SELECT state, outcome, owed FROM calls") == [
        ("settled", "refused", 0)
    ]
    await shelf_door.nothing_is_held()
    assert [each.id async for each in shelf_client.batches.list()] == []


async def test_a_batch_of_which_nobody_knows_whether_it_runs_keeps_its_hold_and_is_listed(
    shelf_door: Gateway, shelf_client: AsyncOpenAI, shelf: Shelf
) -> None:
    file = await sent(shelf_client, line())
    shelf.refuses = lambda asked: web.Response(text="{}") if asked == "POST /batches" else None

    with pytest.raises(openai.InternalServerError):
        await shelf_client.batches.create(
            input_file_id=file.id, endpoint=CHAT, completion_window="24h"
        )

    await shelf_door.has_settled()
    ((state, held),) = await shelf_door.rows("SELECT state, held FROM calls")
    assert (state, held > 0) == ("unknown", True)


async def test_many_who_see_the_end_at_once_settle_it_once(
    shelf_door: Gateway, shelf_client: AsyncOpenAI, shelf: Shelf
) -> None:
    batch = await begun(shelf_client)
    shelf.answer(the_one(shelf), [result("a")])
    shelf.run(the_one(shelf), status="completed")

    seen = await asyncio.gather(*(shelf_client.batches.retrieve(batch.id) for _ in range(8)))

    assert {each.output_file_id for each in seen} == {seen[0].output_file_id}
    assert await shelf_door.spent() == 11 * NANOS_IN + 5 * NANOS_OUT
    await shelf_door.nothing_is_held()
    assert len(await shelf_door.rows("SELECT id FROM files WHERE purpose = 'batch_output'")) == 1
    await shelf_door.is_consistent()


async def test_a_price_that_changes_later_changes_nothing_for_a_batch_that_runs(
    shelf_door: Gateway, shelf_client: AsyncOpenAI, shelf: Shelf
) -> None:
    batch = await begun(shelf_client)
    dear = Rates("1000", "1000")
    await shelf_door.on_store(
        lambda store: prices.set_price(store, TARGET, dear, now_ms() + 1, now_ms())
    )
    shelf.answer(the_one(shelf), [result("a")])
    shelf.run(the_one(shelf), status="completed")

    await shelf_client.batches.retrieve(batch.id)

    assert await shelf_door.spent() == 11 * NANOS_IN + 5 * NANOS_OUT


async def test_what_was_free_when_it_was_sent_is_judged_again_when_it_is_begun(
    shelf_door: Gateway, shelf_client: AsyncOpenAI, shelf: Shelf
) -> None:
    free, paid = Rates("0", "0"), Rates("1", "2")

    async def charge(rates: Rates) -> None:
        await shelf_door.on_store(
            lambda store: prices.set_price(store, f"{TARGET}@batch", rates, now_ms() - 1, now_ms())
        )

    await charge(free)
    files: list[FileObject] = []

    async def is_free() -> bool:
        try:
            files.append(await sent(shelf_client, line(service_tier="priority")))
        except openai.APIStatusError:
            return False
        return True

    await until(is_free, "the price is known")
    await charge(paid)

    async def is_paid() -> bool:
        try:
            await shelf_client.batches.create(
                input_file_id=files[0].id, endpoint=CHAT, completion_window="24h"
            )
        except openai.APIStatusError as refused:
            return refused.code == "feature_unpriced"
        return False

    await until(is_paid, "the new price is known")


# --- whoever dies, and whoever never asks -------------------------------------------------------


@pytest.mark.req("P-1")
async def test_a_batch_that_nobody_asks_about_is_settled_all_the_same(
    looking: Gateway, shelf: Shelf
) -> None:
    async with asking(looking, looking.key) as client:
        batch = await begun(client)
        shelf.answer(the_one(shelf), [result("a")])
        shelf.run(the_one(shelf), status="completed")

        await looking.nothing_is_held()

        (listed,) = [each async for each in client.batches.list()]
    assert (listed.id, listed.status) == (batch.id, "completed")
    assert await looking.spent() == 11 * NANOS_IN + 5 * NANOS_OUT


@pytest.mark.req("P-1")
async def test_a_process_that_is_killed_loses_no_batch(looking: Gateway, shelf: Shelf) -> None:
    async with asking(looking, looking.key) as client:
        batch = await begun(client)
    looking.kill()
    before = await looking.rows("SELECT state, held FROM calls")
    shelf.answer(the_one(shelf), [result("a"), result("b")])
    shelf.run(the_one(shelf), status="completed")
    await looking.start()

    await looking.nothing_is_held()

    ((state, held),) = before
    assert (state, held > 0) == ("held", True)
    assert await looking.spent() == 22 * NANOS_IN + 10 * NANOS_OUT
    async with asking(looking, looking.key) as client:
        assert (await client.batches.retrieve(batch.id)).output_file_id is not None
    await looking.is_consistent()


@pytest.mark.req("P-1")
async def test_who_dies_before_the_batch_is_known_leaves_an_unknown_call_that_is_listed(
    tmp_path: Path, shelf: Shelf
) -> None:
    short = "[ledger]\nlease_s = 5\n"
    async with gateway(tmp_path, shelf.url, up="keeps_files = true", store=short) as it:
        async with asking(it, it.key) as client:
            file = await sent(client, line())
            shelf.holds_back = "POST /batches"
            asking_for_it = asyncio.create_task(
                client.batches.create(input_file_id=file.id, endpoint=CHAT, completion_window="24h")
            )

            async def has_come() -> bool:
                return "POST /batches" in shelf.asked

            await until(has_come, "the provider is asked")
            it.kill()
            await asyncio.gather(asking_for_it, return_exceptions=True)
        await it.start()

        async def is_listed() -> bool:
            return await it.rows("SELECT state, anomaly FROM calls") == [("unknown", "owner_lost")]

        await until(is_listed, "the call is found without its owner")
        assert await it.held() > 0
        await it.is_consistent()


async def test_a_batch_that_never_ends_is_given_up_and_listed_as_unknown(
    looking: Gateway, shelf: Shelf
) -> None:
    async with asking(looking, looking.key) as client:
        await begun(client)
        await looking.on_store(
            lambda store: store.write(
                ("UPDATE batches SET created_at = created_at - $1", (3 * DAY_MS,))
            )
        )

        async def is_unknown() -> bool:
            return await looking.rows("SELECT state, anomaly FROM calls") == [
                ("unknown", "batch_lost")
            ]

        await until(is_unknown, "the batch is given up")
    assert await looking.held() > 0


# --- whose it is ---------------------------------------------------------------------------------


@pytest.mark.req("P-2", "P-18", "S-48")
async def test_another_project_gets_what_it_would_get_for_a_batch_that_never_was(
    shelf_client: AsyncOpenAI, shelf_stranger: AsyncOpenAI, shelf: Shelf
) -> None:
    file = await sent(shelf_client, line())
    batch = await begun(shelf_client)
    asked = len(shelf.asked)

    told = [
        [
            await refusal(ask, batch_id)
            for ask in (shelf_stranger.batches.retrieve, shelf_stranger.batches.cancel)
        ]
        for batch_id in (batch.id, "batch_" + "f" * 32)
    ]
    with pytest.raises(openai.NotFoundError) as no_file:
        await shelf_stranger.batches.create(
            input_file_id=file.id, endpoint=CHAT, completion_window="24h"
        )

    assert told[0] == told[1]
    assert {(status, code) for status, code, _ in told[0]} == {(404, "batch_unknown")}
    assert no_file.value.code == "file_unknown"
    assert [each async for each in shelf_stranger.batches.list()] == []
    assert len(shelf.asked) == asked


async def test_batches_are_listed_in_pages_from_the_newest_on(shelf_client: AsyncOpenAI) -> None:
    ids = [(await begun(shelf_client)).id for _ in range(3)]

    listed = [each.id async for each in shelf_client.batches.list(limit=2)]

    assert listed == ids[::-1]


@pytest.mark.req("S-60")
async def test_each_request_about_a_batch_leaves_one_record(
    shelf_door: Gateway, shelf_client: AsyncOpenAI, shelf: Shelf
) -> None:
    batch = await begun(shelf_client)
    await shelf_client.batches.retrieve(batch.id)
    await shelf_client.batches.cancel(batch.id)
    await shelf_client.batches.list()
    shelf_door.stop()

    records = shelf_door.calls()
    routes = ["file_upload", "batch_create", "batch_show", "batch_cancel", "batch_list"]
    assert [record["route"] for record in records] == routes
    assert {record["outcome"] for record in records} == {"ok"}
    assert (records[1]["model"], records[1]["target"]) == (MODEL, TARGET)
    assert (records[1]["held_nanos"] > 0, records[1]["owed_nanos"]) == (True, 0)
    assert not any("UPSTREAM" in each for each in shelf_door.audit_lines())


# --- what is refused -----------------------------------------------------------------------------

BAD_LINES: dict[str, tuple[bytes, str, str]] = {
    "not json": (content(line("a")) + b"{nope\n", "json_malformed", "Line 2:"),
    "a member twice": (b'{"custom_id":"a","custom_id":"b"}', "json_duplicate_key", "Line 1:"),
    "not a number": (content(line("a")).replace(b"10", b"NaN"), "json_malformed", "Line 1:"),
    "no object": (b"[]", "field_invalid", "Line 1:"),
    "another member": (content({**line("a"), "x": 1}), "field_invalid", "Line 1:"),
    "no id": (content({**line("a"), "custom_id": ""}), "field_invalid", "Line 1:"),
    "the same id": (content(line("a"), line("b"), line("a")), "field_invalid", "Line 3:"),
    "another method": (content({**line("a"), "method": "GET"}), "field_invalid", "Line 1:"),
    "another path": (content(line("a", url="/v1/images/generations")), "field_invalid", "Line 1:"),
    "the admin's path": (content(line("a", url="/admin")), "field_invalid", "Line 1:"),
    "two paths": (
        content(
            line("a"),
            {**line("b"), "url": "/v1/embeddings", "body": {"model": MODEL, "input": "x"}},
        ),
        "field_invalid",
        "Line 2:",
    ),
    "two models": (content(line("a"), line("b", model="n")), "field_invalid", "Line 2:"),
    "no body": (content({**line("a"), "body": "x"}), "field_invalid", "Line 1:"),
    "no messages": (content(line("a", messages=[])), "field_invalid", "Line 1:"),
    "steering": (content(line("a", api_base="http://x")), "field_refused", "Line 1:"),
    "a stream": (content(line("a", stream=True)), "field_invalid", "Line 1:"),
    "a dear tier": (content(line("a", service_tier="priority")), "feature_unpriced", "Line 1:"),
    "no such model": (content(line("a", model="nothing")), "model_unknown", "Line 1:"),
    "too long": (b"\n" + b'{"x":"' + b"x" * 1_100_000 + b'"}', "body_too_large", "Line 2:"),
    "nothing": (b"\n \n", "field_invalid", "no lines"),
}


@pytest.mark.req("S-11", "B-20")
@pytest.mark.parametrize("bad", BAD_LINES)
async def test_a_line_that_is_none_is_named_and_nothing_leaves(
    shelf_door: Gateway, shelf_client: AsyncOpenAI, shelf: Shelf, bad: str
) -> None:
    lines, code, said = BAD_LINES[bad]

    with pytest.raises(openai.APIStatusError) as refused:
        await shelf_client.files.create(file=("in.jsonl", lines), purpose="batch")

    assert refused.value.code == code
    assert said in refused.value.message
    assert shelf.asked == []
    assert await shelf_door.rows("SELECT id FROM files") == []


async def test_a_file_with_too_many_lines_is_refused(tmp_path: Path, shelf: Shelf) -> None:
    few = "[files]\nmax_batch_lines = 3\n"
    async with (
        gateway(tmp_path, shelf.url, up="keeps_files = true", store=few) as it,
        asking(it, it.key) as client,
    ):
        await sent(client, *(line(str(number)) for number in range(3)))
        with pytest.raises(openai.BadRequestError) as refused:
            await sent(client, *(line(str(number)) for number in range(4)))

    assert "Line 4: A batch has at most 3 lines" in refused.value.message


async def test_a_model_whose_provider_runs_no_batches_is_refused(
    tmp_path: Path, shelf: Shelf
) -> None:
    elsewhere = """
[providers.plain]
kind = "openai-compatible"
url = "http://127.0.0.1:1/v1"
[models.other]
targets = ["plain:x"]
"""
    async with gateway(tmp_path, shelf.url, up="keeps_files = true", store=elsewhere) as it:
        issued = await it.new_key(models=("other",))
        async with asking(it, issued.key) as client:
            await until(lambda: is_known(client), "the key is known")
            with pytest.raises(openai.APIStatusError) as refused:
                await sent(client, line(model="other"))

    assert (refused.value.code, refused.value.message.count("Line 1:")) == ("files_not_kept", 1)
    assert shelf.asked == []


@pytest.mark.parametrize(
    ("members", "param"),
    [
        ({"endpoint": "/v1/embeddings"}, "endpoint"),
        ({"completion_window": "1h"}, "completion_window"),
        ({"extra_body": {"model": "x"}}, "model"),
        ({"metadata": {"a": "x" * 513}}, "metadata"),
        ({"metadata": {str(number): "x" for number in range(17)}}, "metadata"),
        ({"output_expires_after": {"anchor": "created_at", "seconds": 1}}, "output_expires_after"),
    ],
)
async def test_a_batch_that_cannot_be_is_refused_and_nothing_is_held(
    shelf_door: Gateway,
    shelf_client: AsyncOpenAI,
    shelf: Shelf,
    members: dict[str, Any],
    param: str,
) -> None:
    file = await sent(shelf_client, line())
    usual: dict[str, Any] = {"endpoint": CHAT, "completion_window": "24h"}

    with pytest.raises(openai.BadRequestError) as refused:
        await shelf_client.batches.create(input_file_id=file.id, **{**usual, **members})

    assert (refused.value.code, refused.value.param) == ("field_invalid", param)
    assert shelf.batches == {}
    assert await shelf_door.rows("SELECT id FROM calls") == []


async def test_only_what_was_sent_for_a_batch_is_the_input_of_one(
    shelf_client: AsyncOpenAI, shelf: Shelf
) -> None:
    file = await shelf_client.files.create(file=("x", content(line())), purpose="user_data")

    with pytest.raises(openai.BadRequestError) as refused:
        await shelf_client.batches.create(
            input_file_id=file.id, endpoint=CHAT, completion_window="24h"
        )

    assert refused.value.param == "input_file_id"
    assert shelf.batches == {}


@pytest.mark.parametrize(
    "answer",
    [
        *({}, {"id": "x"}, {"id": "../x", "status": "completed"}, {"id": "x", "status": "odd"}),
        *({"id": "batch_OTHER", "status": "completed"}, {"id": 7, "status": "completed"}),
        {"id": "batch_UPSTREAM2", "status": "completed", "output_file_id": "../../batches/x"},
    ],
)
async def test_a_look_that_tells_of_no_batch_changes_nothing(
    shelf_door: Gateway, shelf_client: AsyncOpenAI, shelf: Shelf, answer: dict[str, Any]
) -> None:
    batch = await begun(shelf_client)
    shelf.refuses = lambda asked: (
        web.json_response(answer) if asked.startswith("GET /batches/") else None
    )

    with pytest.raises(openai.InternalServerError) as broke:
        await shelf_client.batches.retrieve(batch.id)

    assert broke.value.code == "upstream_broke"
    assert await shelf_door.held() > 0
    (listed,) = [each async for each in shelf_client.batches.list()]
    assert listed.status == "validating"


async def test_embeddings_run_as_a_batch_too(
    shelf_door: Gateway, shelf_client: AsyncOpenAI, shelf: Shelf
) -> None:
    url = "/v1/embeddings"
    asked = {"custom_id": "a", "method": "POST", "url": url, "body": {"model": MODEL, "input": "x"}}
    file = await sent(shelf_client, asked)
    batch = await shelf_client.batches.create(
        input_file_id=file.id, endpoint=url, completion_window="24h"
    )
    usage = {"prompt_tokens": 7, "total_tokens": 7}
    shelf.answer(the_one(shelf), [result("a", usage=usage)])
    shelf.run(the_one(shelf), status="completed")

    await shelf_client.batches.retrieve(batch.id)

    assert await shelf_door.spent() == 7 * NANOS_IN


Ask = Callable[[str], Awaitable[object]]


async def refusal(ask: Ask, batch_id: str) -> tuple[int, str | None, object]:
    with pytest.raises(openai.APIStatusError) as refused:
        await ask(batch_id)
    return refused.value.status_code, refused.value.code, refused.value.body

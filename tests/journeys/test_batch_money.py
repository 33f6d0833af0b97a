"""Batches are held for before they leave, and settled once for what they came to."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import openai
import pytest
from aiohttp import web
from openai import AsyncOpenAI
from openai.types import FileObject

from journeys.batch_lines import CHAT, begun, content, failed, line, result, sent, the_one
from journeys.gateway import MODEL, NANOS_IN, NANOS_OUT, TARGET, Gateway, gateway, now_ms, until
from journeys.shelf import Shelf
from journeys.shelves import asking
from tollhouse.control import prices
from tollhouse.control.prices import Rates

pytestmark = pytest.mark.req("OT-51", "P-3")


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

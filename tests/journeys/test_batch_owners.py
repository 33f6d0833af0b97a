"""A batch is its project's own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import openai
import pytest
from openai import AsyncOpenAI

from journeys.batch_lines import CHAT, begun, line, sent
from journeys.gateway import MODEL, TARGET, Gateway
from journeys.shelf import Shelf

pytestmark = pytest.mark.req("OT-51", "P-3")


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


Ask = Callable[[str], Awaitable[object]]


async def refusal(ask: Ask, batch_id: str) -> tuple[int, str | None, object]:
    with pytest.raises(openai.APIStatusError) as refused:
        await ask(batch_id)
    return refused.value.status_code, refused.value.code, refused.value.body

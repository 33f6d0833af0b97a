"""OpenAI's own client runs batches: what leaves, and what comes back."""

from __future__ import annotations

import json

import pytest
from openai import AsyncOpenAI

from journeys.batch_lines import CHAT, begun, content, line, sent, the_one
from journeys.gateway import MODEL
from journeys.shelf import Shelf

pytestmark = pytest.mark.req("OT-51", "P-3")


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

"""What cannot be a batch is refused by name, and nothing leaves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import openai
import pytest
from openai import AsyncOpenAI

from journeys.batch_lines import CHAT, content, line, sent
from journeys.gateway import MODEL, Gateway, gateway, until
from journeys.shelf import Shelf
from journeys.shelves import asking, is_known

pytestmark = pytest.mark.req("OT-51", "P-3")


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

"""Embeddings by OpenAI's own client: vectors as they were, paid for by what went in."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import openai
import pytest
from openai import AsyncOpenAI

from journeys.gateway import MODEL, NANOS_IN, Gateway, gateway
from journeys.provider import Asked, Provider, json_response, provider
from tollhouse.providers.echo_embeddings import embeddings, vector

pytestmark = pytest.mark.req("R-14", "OT-46", "OL-30")

WORDS = ["toll", "house"]


@pytest.fixture
async def up() -> AsyncIterator[Provider]:
    async with provider() as it:
        it.script = embed
        yield it


@pytest.fixture
async def door(tmp_path: Path, up: Provider) -> AsyncIterator[Gateway]:
    chatting = '[models.chatty]\ntargets = ["up:m-real"]\n'
    async with gateway(tmp_path, up.url, store=chatting) as it:
        yield it


@pytest.fixture
async def client(door: Gateway) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(base_url=door.base_url, api_key=door.key) as it:
        yield it


async def test_the_clients_default_is_base64_and_becomes_the_same_vector(
    door: Gateway, client: AsyncOpenAI, up: Provider
) -> None:
    reply = await client.embeddings.create(model=MODEL, input="toll house")

    assert up.asked[0].body == {
        "model": "m-real",
        "input": "toll house",
        "encoding_format": "base64",
    }
    assert up.asked[0].path == "/v1/embeddings"
    assert reply.data[0].embedding == pytest.approx(vector(WORDS, 16))
    assert reply.usage.prompt_tokens == 2
    await door.nothing_is_held()
    assert await door.spent() == 2 * NANOS_IN


async def test_numbers_are_there_for_who_asks_for_them(client: AsyncOpenAI) -> None:
    reply = await client.embeddings.create(
        model=MODEL, input=["toll", "house"], encoding_format="float", dimensions=4
    )

    assert [each.index for each in reply.data] == [0, 1]
    assert reply.data[1].embedding == pytest.approx(vector(["house"], 4))


async def test_tokens_are_taken_as_they_are(client: AsyncOpenAI, up: Provider) -> None:
    reply = await client.embeddings.create(model=MODEL, input=[[1, 2, 3], [4]])

    assert up.asked[0].body["input"] == [[1, 2, 3], [4]]
    assert (len(reply.data), reply.usage.total_tokens) == (2, 4)


async def test_the_ledger_and_the_audit_log_say_what_went_in(
    door: Gateway, client: AsyncOpenAI
) -> None:
    await client.embeddings.create(model=MODEL, input="toll house")
    await door.nothing_is_held()
    door.stop()

    (row,) = await door.rows(
        "SELECT route, state, outcome, owed, input, output, source, target FROM calls"
    )
    (record,) = door.calls()

    assert tuple(row) == (
        *("embeddings", "settled", "completed", 2 * NANOS_IN, 2, 0, "provider", "up:m-real"),
    )
    assert (record["route"], record["status"], record["outcome"]) == ("embeddings", 200, "ok")
    assert (record["input"], record["output"], record["owed_nanos"]) == (2, 0, 2 * NANOS_IN)
    await door.audit_is_whole()


async def test_a_model_that_only_chats_is_refused_before_anything_leaves(
    door: Gateway, up: Provider
) -> None:
    issued = await door.new_key(models=("chatty",))

    async with AsyncOpenAI(base_url=door.base_url, api_key=issued.key, max_retries=5) as client:
        refused = await _refused(client, "chatty")

    assert (refused.status_code, refused.code, refused.param) == (400, "model_cannot", "model")
    assert "embeddings" in refused.message
    assert up.asked == []
    await door.nothing_is_held()


async def test_an_exhausted_budget_is_told_once(
    door: Gateway, client: AsyncOpenAI, up: Provider
) -> None:
    await door.budget(1)

    refused = await _refused(client, MODEL)

    assert (refused.status_code, refused.code) == (402, "budget_exhausted")
    assert up.asked == []


async def test_too_few_vectors_are_no_answer_and_are_paid_for_by_what_went_in(
    door: Gateway, client: AsyncOpenAI, up: Provider
) -> None:
    up.script = answering({"object": "list", "data": [], "usage": {"prompt_tokens": 2}})

    with pytest.raises(openai.InternalServerError) as broke:
        await client.with_options(max_retries=0).embeddings.create(model=MODEL, input="x")

    assert broke.value.code == "upstream_broke"
    await door.nothing_is_held()
    door.stop()
    assert door.calls()[0]["outcome"] == "failed"


async def _refused(client: AsyncOpenAI, model: str) -> Any:
    """A key that was just made is known within a second."""
    for _ in range(100):
        try:
            await client.embeddings.create(model=model, input="x")
        except openai.AuthenticationError:
            await asyncio.sleep(0.05)
        except openai.APIStatusError as refused:
            return refused
    raise AssertionError("it was not refused")


async def embed(it: Provider, asked: Asked, writer: asyncio.StreamWriter) -> None:
    body = embeddings(asked.raw)
    writer.write(
        b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b"
        % (len(body), body)
    )
    await writer.drain()


def answering(document: dict[str, Any]) -> Any:
    async def script(it: Provider, asked: Asked, writer: asyncio.StreamWriter) -> None:
        writer.write(json_response(document))
        await writer.drain()

    return script

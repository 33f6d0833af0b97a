"""Ollama's embeddings by its own client: before OpenAI's API, and before a server of Ollama's."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import ollama
import pytest
from ollama import AsyncClient

from journeys.gateway import MODEL, NANOS_IN, TEXTS, Gateway, gateway
from journeys.ollama_client import ollama_client
from journeys.provider import Asked, Provider, json_response, provider

pytestmark = pytest.mark.req("OL-30", "OL-35", "R-14", "R-16")


@pytest.fixture
async def up() -> AsyncIterator[Provider]:
    async with provider() as it:
        it.script = _embeds
        yield it


@pytest.fixture
async def client(tmp_path: Path, up: Provider) -> AsyncIterator[tuple[AsyncClient, Gateway]]:
    async with gateway(tmp_path, up.url) as door, ollama_client(door) as it:
        yield it, door


@pytest.fixture
async def native(tmp_path: Path, up: Provider) -> AsyncIterator[tuple[AsyncClient, Gateway]]:
    lines = f'[providers.ol]\nkind = "ollama"\nurl = "{up.url.removesuffix("/v1")}"\n'
    async with (
        gateway(tmp_path, up.url, settings=lines, targets=("ol:m-real",), does=TEXTS) as door,
        ollama_client(door) as it,
    ):
        yield it, door


async def test_texts_become_vectors_in_their_order(
    client: tuple[AsyncClient, Gateway], up: Provider
) -> None:
    it, door = client

    reply = await it.embed(f"{MODEL}:latest", ["a", "bb"], dimensions=2, truncate=True)

    assert [list(each) for each in reply.embeddings] == [[1.0, 0.5], [2.0, 0.5]]
    assert (reply.model, reply.prompt_eval_count) == (f"{MODEL}:latest", 7)
    assert up.asked[0].path == "/v1/embeddings"
    assert up.asked[0].body == {
        "model": "m-real",
        "input": ["a", "bb"],
        "encoding_format": "float",
        "dimensions": 2,
    }
    await door.nothing_is_held()
    assert await door.spent() == 7 * NANOS_IN
    await door.end()
    (record,) = door.calls()
    assert (record["route"], record["outcome"], record["unsaid"]) == ("ollama_embed", "ok", [])


async def test_what_openai_has_no_words_for_is_named(
    client: tuple[AsyncClient, Gateway],
) -> None:
    it, door = client

    await it.embed(MODEL, "a", truncate=False, options={"num_ctx": 64}, keep_alive="5m")

    await door.end()
    assert set(door.calls()[0]["unsaid"]) == {"truncate", "options.num_ctx", "keep_alive"}


async def test_one_text_by_the_older_path(
    client: tuple[AsyncClient, Gateway], up: Provider
) -> None:
    reply = await client[0].embeddings(MODEL, "a")

    assert list(reply.embedding) == [1.0, 0.5]
    assert up.asked[0].body["input"] == ["a"]


async def test_nothing_is_embedded_without_asking_anybody(
    client: tuple[AsyncClient, Gateway], up: Provider
) -> None:
    it, door = client

    assert (await it.embed(MODEL, [])).embeddings == []
    assert (await it.embeddings(MODEL, "")).embedding == []

    assert up.asked == []
    assert await door.spent() == 0


async def test_its_own_server_gets_and_gives_what_was_said(
    native: tuple[AsyncClient, Gateway], up: Provider
) -> None:
    it, door = native

    reply = await it.embed(MODEL, ["a", "bb"], options={"num_ctx": 64}, keep_alive="5m")
    older = await it.embeddings(MODEL, "a")

    assert [list(each) for each in reply.embeddings] == [[1.0, 0.5], [2.0, 0.5]]
    assert (reply.model, reply.total_duration) == (MODEL, 9)
    assert list(older.embedding) == [1.0, 0.5]
    assert [asked.path for asked in up.asked] == ["/api/embed", "/api/embeddings"]
    assert up.asked[0].body == {
        "model": "m-real",
        "input": ["a", "bb"],
        "options": {"num_ctx": 64},
        "keep_alive": "5m",
    }
    await door.nothing_is_held()


@pytest.mark.req("S-71")
async def test_an_answer_with_a_vector_too_few_is_none(
    client: tuple[AsyncClient, Gateway],
) -> None:
    await _lost(*client)


@pytest.mark.req("S-71")
async def test_nor_is_one_of_its_own_server(native: tuple[AsyncClient, Gateway]) -> None:
    await _lost(*native)


async def _lost(it: AsyncClient, door: Gateway) -> None:
    with pytest.raises(ollama.ResponseError) as broke:
        await it.embed(MODEL, ["a", "lost"])

    assert broke.value.status_code == 502
    await door.nothing_is_held()


async def _embeds(it: Provider, asked: Asked, writer: asyncio.StreamWriter) -> None:
    """The length of each text, and a half; `lost` is. OpenAI's come in any order."""
    given = asked.body.get("input", asked.body.get("prompt"))
    texts = [
        text for text in ([given] if isinstance(given, str) else given or ()) if text != "lost"
    ]
    vectors = [[float(len(text)), 0.5] for text in texts]
    if asked.path == "/v1/embeddings":
        data = [{"index": at, "embedding": vector} for at, vector in enumerate(vectors)]
        usage = {"prompt_tokens": 7, "total_tokens": 7}
        writer.write(json_response({"data": data[::-1], "usage": usage}))
    elif asked.path == "/api/embed":
        said = {
            "model": "m-real",
            "embeddings": vectors,
            "total_duration": 9,
            "prompt_eval_count": 7,
        }
        writer.write(json_response(said))
    else:
        writer.write(json_response({"embedding": vectors[0]}))

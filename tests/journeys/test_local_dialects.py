"""The real small model asked in every dialect, by the clients that their makers give out."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from anthropic import AsyncAnthropic
from ollama import AsyncClient
from openai import AsyncOpenAI

from journeys.gateway import MODEL, Gateway
from journeys.local_model import local_gateway, settled, with_the_model
from journeys.ollama_client import ollama_client

pytestmark = [*with_the_model, pytest.mark.req("OL-25", "OT-43", "P-7", "B-5")]

HELLO: list[Any] = [{"role": "user", "content": "Say hi."}]
CITIES = ("Paris", "Rome")
NAME_A_CITY: list[Any] = [{"role": "user", "content": "Name a city."}]
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"city": {"enum": [*CITIES]}},
    "required": ["city"],
    "additionalProperties": False,
}
FEW, ENOUGH = 6, 40


@pytest.fixture(scope="module")
async def door(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Gateway]:
    async with local_gateway(tmp_path_factory.mktemp("local")) as it:
        yield it


@pytest.fixture
async def openai(door: Gateway) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(base_url=door.base_url, api_key=door.key) as it:
        yield it


@pytest.fixture
async def anthropic(door: Gateway) -> AsyncIterator[AsyncAnthropic]:
    async with AsyncAnthropic(base_url=door.origin, api_key=door.key) as it:
        yield it


@pytest.fixture
async def ollama(door: Gateway) -> AsyncIterator[AsyncClient]:
    async with ollama_client(door) as it:
        yield it


class TestChatCompletions:
    async def test_an_answer(self, door: Gateway, openai: AsyncOpenAI) -> None:
        reply = await openai.chat.completions.create(model=MODEL, messages=HELLO, max_tokens=FEW)

        assert reply.choices[0].message.content
        assert reply.usage is not None
        assert await settled(door) == (reply.usage.prompt_tokens, reply.usage.completion_tokens)

    async def test_a_stream(self, door: Gateway, openai: AsyncOpenAI) -> None:
        stream = await openai.chat.completions.create(
            model=MODEL,
            messages=HELLO,
            max_tokens=FEW,
            stream=True,
            stream_options={"include_usage": True},
        )
        *chunks, last = [chunk async for chunk in stream]

        assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
        assert last.usage is not None
        assert await settled(door) == (last.usage.prompt_tokens, last.usage.completion_tokens)

    async def test_a_schema(self, openai: AsyncOpenAI) -> None:
        reply = await openai.chat.completions.create(
            model=MODEL,
            messages=NAME_A_CITY,
            max_tokens=ENOUGH,
            response_format={
                "type": "json_schema",
                "json_schema": {"name": "city", "schema": SCHEMA},
            },
        )

        assert city_in(reply.choices[0].message.content)


class TestResponses:
    async def test_an_answer(self, door: Gateway, openai: AsyncOpenAI) -> None:
        reply = await openai.responses.create(model=MODEL, input="Say hi.", max_output_tokens=FEW)

        assert reply.output_text
        assert reply.usage is not None
        assert await settled(door) == (reply.usage.input_tokens, reply.usage.output_tokens)

    async def test_a_stream(self, door: Gateway, openai: AsyncOpenAI) -> None:
        stream = await openai.responses.create(
            model=MODEL, input="Say hi.", max_output_tokens=FEW, stream=True
        )
        events: list[Any] = [event async for event in stream]

        deltas = [each.delta for each in events if each.type == "response.output_text.delta"]
        final = events[-1].response
        assert "".join(deltas) == final.output_text != ""
        assert await settled(door) == (final.usage.input_tokens, final.usage.output_tokens)

    async def test_a_schema(self, openai: AsyncOpenAI) -> None:
        reply = await openai.responses.create(
            model=MODEL,
            input="Name a city.",
            max_output_tokens=ENOUGH,
            text={"format": {"type": "json_schema", "name": "city", "schema": SCHEMA}},
        )

        assert city_in(reply.output_text)


class TestMessages:
    async def test_an_answer(self, door: Gateway, anthropic: AsyncAnthropic) -> None:
        reply = await anthropic.messages.create(model=MODEL, messages=HELLO, max_tokens=FEW)

        assert reply.content[0].type == "text"
        assert reply.content[0].text
        assert await settled(door) == tokens_of(reply.usage)

    async def test_a_stream(self, door: Gateway, anthropic: AsyncAnthropic) -> None:
        async with anthropic.messages.stream(model=MODEL, messages=HELLO, max_tokens=FEW) as stream:
            text = "".join([piece async for piece in stream.text_stream])
            final = await stream.get_final_message()

        assert text
        assert await settled(door) == tokens_of(final.usage)

    async def test_a_schema(self, anthropic: AsyncAnthropic) -> None:
        reply = await anthropic.messages.create(
            model=MODEL,
            messages=NAME_A_CITY,
            max_tokens=ENOUGH,
            output_config={"format": {"type": "json_schema", "schema": SCHEMA}},
        )

        assert reply.content[0].type == "text"
        assert city_in(reply.content[0].text)


class TestOllama:
    @pytest.mark.parametrize("is_stream", [False, True])
    async def test_an_answer(self, door: Gateway, ollama: AsyncClient, is_stream: bool) -> None:
        options = {"num_predict": FEW}
        if is_stream:
            stream = await ollama.chat(MODEL, HELLO, options=options, stream=True)
            parts = [part async for part in stream]
        else:
            parts = [await ollama.chat(MODEL, HELLO, options=options)]

        assert "".join(part.message.content or "" for part in parts)
        assert parts[-1].done
        assert await settled(door) == (parts[-1].prompt_eval_count, parts[-1].eval_count)

    async def test_a_prompt_is_gone_on_with(self, door: Gateway, ollama: AsyncClient) -> None:
        reply = await ollama.generate(MODEL, "Say hi.", options={"num_predict": FEW})

        assert reply.response
        assert await settled(door) == (reply.prompt_eval_count, reply.eval_count)

    async def test_a_schema(self, ollama: AsyncClient) -> None:
        reply = await ollama.chat(
            MODEL, NAME_A_CITY, format=SCHEMA, options={"num_predict": ENOUGH}
        )

        assert city_in(reply.message.content)

    async def test_vectors_are_those_of_openais_client(
        self, door: Gateway, ollama: AsyncClient, openai: AsyncOpenAI
    ) -> None:
        reply = await ollama.embed(MODEL, ["hello"])
        after = await settled(door)
        same = await openai.embeddings.create(model=MODEL, input="hello", encoding_format="float")

        assert reply.embeddings[0] == pytest.approx(same.data[0].embedding, abs=1e-3)
        assert after == (reply.prompt_eval_count, 0) == await settled(door)


def city_in(text: str | None) -> bool:
    return json.loads(text or "{}").get("city") in CITIES


def tokens_of(usage: Any) -> tuple[int, int]:
    heard = usage.input_tokens + (usage.cache_read_input_tokens or 0)
    return heard, usage.output_tokens

"""Gemini behind the vendors' own clients: signatures go home by them, and embeddings are asked by its other path."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from anthropic import AsyncAnthropic
from openai import AsyncOpenAI

from clients.upstream import gemini
from clients.upstream.play import TOOL, TURNS, turn_after
from journeys.gateway import MODEL, Gateway, gateway
from journeys.provider import Asked, Provider, json_response, provider

GEMINI = """
[providers.google]
kind = "gemini"
key = "env:UP_KEY"
"""
QUESTION = [{"role": "user", "content": "Where is it warmest?"}]
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}
SIGNATURE = "Y2FsbHM="


async def as_gemini(_: Provider, asked: Asked, writer: asyncio.StreamWriter) -> None:
    if asked.path.endswith("/embeddings"):
        found = {"object": "embedding", "index": 0, "embedding": [0.5, 0.25]}
        usage = {"prompt_tokens": 4, "total_tokens": 4}
        writer.write(
            json_response({"object": "list", "data": [found], "model": "e", "usage": usage})
        )
    else:
        turn = turn_after(gemini.results(asked.body), TURNS)
        writer.write(gemini.whole(asked, turn))
    await writer.drain()


@pytest.fixture
async def up() -> AsyncIterator[Provider]:
    async with provider() as it:
        it.script = as_gemini
        yield it


@pytest.fixture
async def door(tmp_path: Path, up: Provider) -> AsyncIterator[Gateway]:
    google = f'{GEMINI}url = "http://127.0.0.1:{up.port}/v1beta"\n'
    async with gateway(tmp_path, up.url, up=google, targets=("google:gemini-3-pro",)) as it:
        yield it


@pytest.mark.req("P-15", "R-15")
async def test_a_signature_goes_home_by_a_client_of_chat_completions(
    door: Gateway, up: Provider
) -> None:
    tool = {"type": "function", "function": {"name": TOOL, "parameters": SCHEMA}}
    async with AsyncOpenAI(base_url=door.base_url, api_key=door.key) as client:
        messages: list[Any] = [*QUESTION]
        for _ in TURNS:
            made = await client.chat.completions.create(
                model=MODEL, messages=messages, tools=[tool]
            )
            message = made.choices[0].message
            messages.append(message)
            messages += [
                {"role": "tool", "tool_call_id": call.id, "content": "3"}
                for call in message.tool_calls or ()
            ]

    assert message.content == TURNS[-1].text
    assert _signatures(up) == [SIGNATURE, SIGNATURE, None]


@pytest.mark.req("P-15", "R-15")
async def test_a_signature_goes_home_by_a_client_of_messages(door: Gateway, up: Provider) -> None:
    tool = {"name": TOOL, "input_schema": SCHEMA}
    async with AsyncAnthropic(base_url=door.origin, api_key=door.key) as client:
        messages: list[Any] = [*QUESTION]
        for _ in TURNS:
            made = await client.messages.create(
                model=MODEL, messages=messages, tools=[tool], max_tokens=500
            )
            messages.append({"role": "assistant", "content": made.content})
            results = [
                {"type": "tool_result", "tool_use_id": block.id, "content": "3"}
                for block in made.content
                if block.type == "tool_use"
            ]
            messages.append({"role": "user", "content": results})

    assert [block.type for block in made.content] == ["text"]
    assert _signatures(up) == [SIGNATURE, SIGNATURE, None]


@pytest.mark.req("P-15", "R-15", "R-6")
async def test_a_signature_goes_home_by_a_client_of_responses(door: Gateway, up: Provider) -> None:
    tool = {"type": "function", "name": TOOL, "parameters": SCHEMA, "strict": False}
    async with AsyncOpenAI(base_url=door.base_url, api_key=door.key) as client:
        said: list[Any] = [*QUESTION]
        for _ in TURNS:
            made = await client.responses.create(model=MODEL, input=said, tools=[tool], store=False)
            said += made.output
            said += [
                {"type": "function_call_output", "call_id": item.call_id, "output": "3"}
                for item in made.output
                if item.type == "function_call"
            ]

    assert made.output_text == TURNS[-1].text
    assert _signatures(up) == [SIGNATURE, SIGNATURE, None]


async def test_embeddings_are_made_by_the_same_provider(door: Gateway, up: Provider) -> None:
    async with AsyncOpenAI(base_url=door.base_url, api_key=door.key) as client:
        made = await client.embeddings.create(model=MODEL, input="x", encoding_format="float")

    assert made.data[0].embedding == [0.5, 0.25]
    (asked,) = up.asked
    assert asked.path == "/v1beta/openai/embeddings"
    assert asked.body["model"] == "gemini-3-pro"
    await door.nothing_is_held()


def _signatures(up: Provider) -> list[str | None]:
    """Of the calls that the last request repeats."""
    parts = [part for content in up.asked[-1].body["contents"] for part in content["parts"]]
    return [part.get("thoughtSignature") for part in parts if "functionCall" in part]

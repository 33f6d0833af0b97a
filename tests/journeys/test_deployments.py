"""Azure OpenAI: each model is a deployment with a URL of its own, and the key stands in `api-key`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from openai import AsyncOpenAI

from journeys.gateway import MODEL, Gateway, gateway
from journeys.provider import Asked, Provider, answer, provider

AZURE = """
[providers.az]
kind = "azure"
key = "env:UP_KEY"
api_version = "2024-10-21"
"""
HELLO = [{"role": "user", "content": "hello"}]


async def as_azure(it: Provider, asked: Asked, writer: asyncio.StreamWriter) -> None:
    """Answers a deployment that is there to whoever shows the key, and nobody else."""
    path = "/v1/openai/deployments/gpt%2F5%3Fx/chat/completions?api-version=2024-10-21"
    headers = asked.headers
    if (asked.path, headers.get("api-key")) == (path, "sk-upstream-canary-0123456789"):
        await answer(it, asked, writer)
        return
    writer.write(b"HTTP/1.1 404 Not Found\r\ncontent-length: 2\r\n\r\n{}")
    await writer.drain()


@pytest.fixture
async def up() -> AsyncIterator[Provider]:
    async with provider() as it:
        it.script = as_azure
        yield it


@pytest.fixture
async def door(tmp_path: Path, up: Provider) -> AsyncIterator[Gateway]:
    azure = f'{AZURE}url = "{up.url}"\n'
    async with gateway(tmp_path, up.url, up=azure, targets=("az:gpt/5?x",)) as it:
        yield it


@pytest.mark.parametrize("is_stream", [False, True])
async def test_a_call_goes_to_the_url_of_its_deployment(
    door: Gateway, up: Provider, *, is_stream: bool
) -> None:
    async with AsyncOpenAI(base_url=door.base_url, api_key=door.key) as client:
        made = await client.chat.completions.create(model=MODEL, messages=HELLO, stream=is_stream)
        if is_stream:
            assert {chunk.model async for chunk in made} == {MODEL}

    (asked,) = up.asked
    assert "authorization" not in asked.headers
    assert asked.body["max_completion_tokens"] == 1000
    await door.nothing_is_held()

"""Azure OpenAI by tokens of Entra: for deployments, and for `/openai/v1`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from openai import AsyncOpenAI

from journeys.gateway import MODEL, gateway
from journeys.giver import Giver, giver
from journeys.provider import Asked, Provider, answer, provider

AZURE = """
[providers.az]
kind = "azure"
key = "env:UP_KEY"
tenant = "acme.example"
client_id = "client-1"
"""
HELLO = [{"role": "user", "content": "hello"}]


async def as_azure(it: Provider, asked: Asked, writer: asyncio.StreamWriter) -> None:
    if asked.headers.get("authorization") == "Bearer token-1":
        await answer(it, asked, writer)
        return
    writer.write(b"HTTP/1.1 401 Unauthorized\r\ncontent-length: 2\r\n\r\n{}")
    await writer.drain()


@pytest.fixture
async def up() -> AsyncIterator[Provider]:
    async with provider() as it:
        it.script = as_azure
        yield it


@pytest.fixture
async def entra() -> AsyncIterator[Giver]:
    async with giver(lambda form: form["client_secret"] == "sk-upstream-canary-0123456789") as it:
        yield it


@pytest.mark.parametrize(
    ("version", "path"),
    [
        ('api_version = "2024-10-21"', "/v1/openai/deployments/gpt/chat/completions?api-version="),
        ("", "/v1/chat/completions"),
    ],
)
async def test_a_call_bears_the_token_of_a_client_and_not_its_secret(
    tmp_path: Path, up: Provider, entra: Giver, version: str, path: str
) -> None:
    azure = f'{AZURE}url = "{up.url}"\ntoken_url = "{entra.url}"\n{version}\n'
    async with gateway(tmp_path, up.url, up=azure, targets=("az:gpt",)) as door:
        async with AsyncOpenAI(base_url=door.base_url, api_key=door.key) as client:
            for _ in range(2):
                await client.chat.completions.create(model=MODEL, messages=HELLO)
        await door.nothing_is_held()

    assert entra.asked == [
        {
            "grant_type": "client_credentials",
            "client_id": "client-1",
            "client_secret": "sk-upstream-canary-0123456789",
            "scope": "https://cognitiveservices.azure.com/.default",
        }
    ]
    assert len(up.asked) == 2
    assert all(asked.path.startswith(path) for asked in up.asked)
    assert all("api-key" not in asked.headers for asked in up.asked)
    assert "canary" not in str([asked.headers for asked in up.asked])

"""AWS Bedrock's OpenAI API before a provider that checks each signature as AWS does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from openai import AsyncOpenAI, InternalServerError

from journeys import aws
from journeys.gateway import MODEL, Gateway, gateway
from journeys.provider import Asked, Provider, answer, provider

HELLO = [{"role": "user", "content": "hello \u00e9"}]


async def checking(it: Provider, asked: Asked, writer: asyncio.StreamWriter) -> None:
    """Answers what is signed, and refuses all else."""
    if aws.is_proved(asked):
        await answer(it, asked, writer)
        return
    writer.write(aws.REFUSAL)
    await writer.drain()


@pytest.fixture
async def up() -> AsyncIterator[Provider]:
    async with provider() as it:
        it.script = checking
        yield it


@pytest.fixture
async def door(
    tmp_path: Path, up: Provider, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Gateway]:
    monkeypatch.setenv("UP_ACCESS_KEY", aws.ACCESS_KEY)
    bedrock = aws.settings("bedrock-openai", up.url)
    async with gateway(tmp_path, up.url, up=bedrock, targets=("aws:m-real",)) as it:
        yield it


@pytest.mark.parametrize("is_stream", [False, True])
async def test_each_call_is_signed_for_itself(
    door: Gateway, up: Provider, *, is_stream: bool
) -> None:
    async with AsyncOpenAI(base_url=door.base_url, api_key=door.key) as client:
        for words in (HELLO, [*HELLO, *HELLO]):
            made = await client.chat.completions.create(
                model=MODEL, messages=words, stream=is_stream
            )
            if is_stream:
                assert [chunk async for chunk in made]

    assert len({asked.headers["authorization"] for asked in up.asked}) == 2
    assert all(aws.SECRET.encode() not in asked.raw for asked in up.asked)
    assert aws.SECRET not in str([asked.headers for asked in up.asked])
    await door.nothing_is_held()


async def test_a_signature_that_is_refused_is_the_gateways_fault_and_costs_nothing(
    door: Gateway, up: Provider
) -> None:
    async def refusing(it: Provider, asked: Asked, writer: asyncio.StreamWriter) -> None:
        asked.headers["authorization"] = ""
        await checking(it, asked, writer)

    up.script = refusing
    async with AsyncOpenAI(base_url=door.base_url, api_key=door.key, max_retries=0) as client:
        with pytest.raises(InternalServerError) as refused:
            await client.chat.completions.create(model=MODEL, messages=HELLO)

    assert refused.value.code == "upstream_denied"
    await door.nothing_is_held()
    assert await door.spent() == 0

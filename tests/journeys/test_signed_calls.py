"""AWS Bedrock's OpenAI API before a provider that checks each signature as AWS does."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from openai import AsyncOpenAI, InternalServerError

from journeys.gateway import MODEL, Gateway, gateway
from journeys.provider import Asked, Provider, answer, provider

ACCESS_KEY, REGION = "AKIDCANARY0123456789", "eu-central-1"
SECRET = "sk-upstream-canary-0123456789"
BEDROCK = f"""
[providers.aws]
kind = "bedrock"
access_key = "env:UP_ACCESS_KEY"
key = "env:UP_KEY"
region = "{REGION}"
"""
HELLO = [{"role": "user", "content": "hello \u00e9"}]


async def checking(it: Provider, asked: Asked, writer: asyncio.StreamWriter) -> None:
    """Answers what is signed, and refuses all else."""
    if asked.headers.get("authorization") == proof(asked):
        await answer(it, asked, writer)
        return
    writer.write(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\n\r\n{}")
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
    monkeypatch.setenv("UP_ACCESS_KEY", ACCESS_KEY)
    bedrock = f'{BEDROCK}url = "{up.url}"\n'
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
    assert all(SECRET.encode() not in asked.raw for asked in up.asked)
    assert SECRET not in str([asked.headers for asked in up.asked])
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


def proof(asked: Asked) -> str:
    """By the rules as AWS writes them, and by nothing of ours."""
    moment = asked.headers["x-amz-date"]
    scope = f"{moment[:8]}/{REGION}/bedrock/aws4_request"
    names = "content-type;host;x-amz-date"
    headers = "".join(f"{name}:{asked.headers[name]}\n" for name in names.split(";"))
    body = hashlib.sha256(asked.raw).hexdigest()
    request = f"POST\n{asked.path}\n\n{headers}\n{names}\n{body}"
    text = f"AWS4-HMAC-SHA256\n{moment}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
    key = f"AWS4{SECRET}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.digest(key, text.encode(), "sha256").hex()
    return f"AWS4-HMAC-SHA256 Credential={ACCESS_KEY}/{scope}, SignedHeaders={names}, Signature={signature}"

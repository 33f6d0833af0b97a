"""Vertex AI: calls bear a token that a service account asked for, and nothing leaves without one."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from openai import AsyncOpenAI, InternalServerError
from scripts.fidelity.crossing import written
from scripts.fidelity.dialects import GEMINI
from scripts.fidelity.features import ANSWERED

from journeys.gateway import MODEL, TARGET, Gateway, gateway
from journeys.giver import Giver, account_file, claims, giver
from journeys.provider import Asked, Provider, answer, provider

VERTEX = """
[providers.google]
kind = "vertex"
service_account = "env:VERTEX_ACCOUNT"
location = "europe-west1"
"""
HELLO = [{"role": "user", "content": "hello"}]
WITHIN = "/v1/projects/project-1/locations/europe-west1/publishers/google/models/gemini-3-pro"


async def as_vertex(it: Provider, asked: Asked, writer: asyncio.StreamWriter) -> None:
    """Answers whoever bears a token."""
    if not asked.headers.get("authorization", "").startswith("Bearer token-"):
        writer.write(b"HTTP/1.1 401 Unauthorized\r\ncontent-length: 2\r\n\r\n{}")
        return
    is_stream = asked.path.endswith("?alt=sse")
    said = written(GEMINI, ANSWERED["words"], is_stream=is_stream)
    media = b"text/event-stream" if is_stream else b"application/json"
    head = b"HTTP/1.1 200 OK\r\ncontent-type: %b\r\ncontent-length: %d\r\n\r\n"
    writer.write(head % (media, len(said)) + said)
    await writer.drain()


@pytest.fixture
async def up() -> AsyncIterator[Provider]:
    async with provider() as it:
        it.script = as_vertex
        yield it


@pytest.fixture
async def google() -> AsyncIterator[Giver]:
    async with giver(_is_signed) as it:
        yield it


@pytest.fixture
async def door(
    tmp_path: Path, up: Provider, google: Giver, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Gateway]:
    monkeypatch.setenv("VERTEX_ACCOUNT", account_file(google.url))
    vertex = f'{VERTEX}url = "{up.url}"\n'
    async with gateway(tmp_path, up.url, up=vertex, targets=("google:gemini-3-pro",)) as it:
        yield it


@pytest.mark.parametrize("is_stream", [False, True])
async def test_a_call_bears_a_token_that_was_asked_for_once(
    door: Gateway, up: Provider, google: Giver, *, is_stream: bool
) -> None:
    for _ in range(2):
        assert await _said(door, is_stream=is_stream) == "hi there"

    told = f"{WITHIN}:streamGenerateContent?alt=sse" if is_stream else f"{WITHIN}:generateContent"
    assert [asked.path for asked in up.asked] == [told, told]
    assert [asked.headers["authorization"] for asked in up.asked] == ["Bearer token-1"] * 2
    (form,) = google.asked
    assert form["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer"
    said = claims(form["assertion"])
    assert said["iss"] == "gate@project-1.iam.gserviceaccount.com"
    assert said["aud"] == google.url
    assert said["scope"] == "https://www.googleapis.com/auth/cloud-platform"
    assert said["exp"] - said["iat"] == 3600
    assert abs(said["iat"] - time.time()) < 60
    await door.nothing_is_held()


async def test_calls_that_come_at_once_share_one_token(
    door: Gateway, up: Provider, google: Giver
) -> None:
    said = await asyncio.gather(*(_said(door, is_stream=False) for _ in range(12)))

    assert said == ["hi there"] * 12
    assert len(google.asked) == 1
    assert len(up.asked) == 12


@pytest.mark.req("S-56")
async def test_without_a_token_nothing_leaves_and_nothing_is_owed(
    door: Gateway, up: Provider, google: Giver
) -> None:
    google.status = 403

    with pytest.raises(InternalServerError) as refused:
        await _said(door, is_stream=False)

    assert (refused.value.status_code, refused.value.code) == (503, "upstream_token_unavailable")
    assert up.asked == []
    await door.nothing_is_held()
    assert await door.spent() == 0
    (record,) = door.calls()
    assert record["code"] == "upstream_token_unavailable"
    told = door.log() + str(refused.value.body) + str(record)
    assert "invalid_grant" in door.log()
    for secret in ("canary-of-the-giver", "PRIVATE KEY", google.asked[0]["assertion"][-40:]):
        assert secret not in told


async def test_another_target_answers_where_no_token_is_given(
    tmp_path: Path, google: Giver, monkeypatch: pytest.MonkeyPatch
) -> None:
    google.status = 500
    monkeypatch.setenv("VERTEX_ACCOUNT", account_file(google.url))
    async with provider() as other:
        other.script = answer
        vertex = f'{VERTEX}url = "{other.url}"\n'
        targets = ("google:gemini-3-pro", TARGET)
        async with gateway(tmp_path, other.url, up=vertex, targets=targets) as door:
            assert await _said(door, is_stream=False)

        assert [asked.path for asked in other.asked] == ["/v1/chat/completions"]


def _is_signed(form: dict[str, str]) -> bool:
    return bool(claims(form["assertion"]))


async def _said(door: Gateway, *, is_stream: bool) -> str:
    async with AsyncOpenAI(base_url=door.base_url, api_key=door.key, max_retries=0) as client:
        if not is_stream:
            made = await client.chat.completions.create(model=MODEL, messages=HELLO)
            return made.choices[0].message.content or ""
        pieces = await client.chat.completions.create(model=MODEL, messages=HELLO, stream=True)
        return "".join(
            [each.choices[0].delta.content or "" async for each in pieces if each.choices]
        )

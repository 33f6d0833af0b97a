"""Answers are nobody else's: what was answered to one caller is never the answer to another, or to another call."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from itertools import count
from typing import Any

import pytest

from journeys.gateway import Gateway, ask, gateway
from journeys.provider import Asked, Provider, completion, json_response, provider
from journeys.strangers import key_of_another_tenant
from security.wire import JSON, bearer, request, send

pytestmark = pytest.mark.req("H-149", "S-62")

SYSTEM = {"role": "system", "content": "Answer as a pirate."}
USER = {"role": "user", "content": "hello"}
TOOL = {"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}
NUMBERS = count()


@pytest.fixture(scope="module")
async def door(
    anyio_backend: object, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Gateway]:
    async with provider() as up:
        up.script = numbered
        async with gateway(tmp_path_factory.mktemp("nothing-shared"), up.url) as it:
            yield it


async def numbered(up: Provider, asked: Asked, writer: asyncio.StreamWriter) -> None:
    """Each answer says which one it is."""
    told = completion(asked.body, 5)
    told["choices"][0]["message"]["content"] = f"answer {next(NUMBERS)}"
    writer.write(json_response(told))
    await writer.drain()


@pytest.mark.parametrize(
    "other",
    [
        {},
        {"messages": [SYSTEM, USER]},
        {"temperature": 0.5},
        {"tools": [TOOL]},
        {"max_tokens": 7},
    ],
    ids=["the same", "system prompt", "temperature", "tools", "bound"],
)
async def test_a_call_is_answered_by_its_provider_whatever_was_answered_before(
    door: Gateway, other: dict[str, Any]
) -> None:
    first = await told(door, door.key, ask())

    second = await told(door, door.key, {**ask(), **other})

    assert second != first


async def test_the_same_prompt_of_another_tenant_gets_an_answer_of_its_own(door: Gateway) -> None:
    its_key = await key_of_another_tenant(door)
    first = await told(door, door.key, ask())

    second = await told(door, its_key, ask())

    assert second != first


async def told(door: Gateway, key: str, body: dict[str, Any]) -> str:
    got = await send(door.port, request(json.dumps(body).encode(), [bearer(key), JSON]))
    assert got.status == 200, got
    return str(got.json["choices"][0]["message"]["content"])

"""A call that comes again under its Idempotency-Key: one call of a model, one charge, the same answer."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from journeys.gateway import NANOS_IN, NANOS_OUT, Gateway, ask, gateway, until
from journeys.provider import PROMPT_TOKENS, Asked, Provider, answer, provider

pytestmark = pytest.mark.req("H-148", "S-93")

COST = PROMPT_TOKENS * NANOS_IN + 5 * NANOS_OUT


@dataclass
class Told:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def code(self) -> str:
        return str(json.loads(self.body)["error"]["code"])

    @property
    def is_replayed(self) -> bool:
        return self.headers.get("idempotency-replayed") == "true"


async def tell(
    door: Gateway,
    body: Mapping[str, Any],
    key: str,
    path: str = "/v1/chat/completions",
    **also: str,
) -> Told:
    headers = {**door.headers, "idempotency-key": key, **also}
    async with (
        aiohttp.ClientSession(door.origin) as session,
        session.post(path, json=body, headers=headers) as reply,
    ):
        return Told(reply.status, reply.headers, await reply.read())


@asynccontextmanager
async def serving(directory: Path, **settings: Any) -> AsyncIterator[tuple[Gateway, Provider]]:
    async with provider() as up, gateway(directory, up.url, **settings) as door:
        yield door, up


@pytest.fixture(params=["sqlite", "postgres"])
async def both(
    request: pytest.FixtureRequest, tmp_path: Path
) -> AsyncIterator[tuple[Gateway, Provider]]:
    database = request.getfixturevalue("postgres_database") if request.param == "postgres" else ""
    async with serving(tmp_path, database=database) as it:
        yield it


@pytest.mark.parametrize("is_stream", [False, True])
async def test_the_same_call_again_gets_the_same_bytes_and_is_paid_for_once(
    both: tuple[Gateway, Provider], is_stream: bool
) -> None:
    door, up = both
    body = ask(stream=is_stream)

    first = await tell(door, body, "k-1")
    again = await tell(door, body, "k-1")

    assert (first.status, first.is_replayed) == (200, False)
    assert (again.status, again.is_replayed) == (200, True)
    assert again.body == first.body
    assert again.headers["content-type"] == first.headers["content-type"]
    assert len(up.asked) == 1
    assert await door.spent() == COST
    await door.nothing_is_held()


async def test_another_body_under_the_same_key_is_refused(both: tuple[Gateway, Provider]) -> None:
    door, up = both
    await tell(door, ask(), "k-1")

    refused = await tell(door, ask("something else"), "k-1")

    assert (refused.status, refused.code) == (422, "idempotency_mismatch")
    assert len(up.asked) == 1
    await door.nothing_is_held()


async def test_the_same_call_beside_itself_is_told_to_wait(both: tuple[Gateway, Provider]) -> None:
    door, up = both
    go_on = asyncio.Event()

    async def pause(it: Provider, asked: Asked, writer: asyncio.StreamWriter) -> None:
        await go_on.wait()
        await answer(it, asked, writer)

    up.script = pause
    first = asyncio.create_task(tell(door, ask(), "k-1"))
    await until(lambda: _has_asked(up), "the first call is under way")

    refused = await tell(door, ask(), "k-1")
    go_on.set()

    assert (refused.status, refused.code) == (409, "idempotency_in_flight")
    assert int(refused.headers["retry-after"]) > 0
    assert "x-should-retry" not in refused.headers
    assert (await first).status == 200
    assert (await tell(door, ask(), "k-1")).body == (await first).body
    assert len(up.asked) == 1
    assert await door.spent() == COST


async def _has_asked(up: Provider) -> bool:
    return len(up.asked) > 0

"""Limits hold over all replicas that count in one Valkey, to the last request, token and place."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import cycle, islice
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import pytest

from journeys.gateway import Gateway, ask, furnish, prepared, until
from journeys.provider import Asked, Provider, answer, provider
from servers import ValkeyServer

pytestmark = pytest.mark.req("P-31", "OT-42")

REPLICAS = 4
PATIENCE = aiohttp.ClientTimeout(60)


@asynccontextmanager
async def replicas(
    directory: Path, up: Provider, database: str, valkey: ValkeyServer, limits: str
) -> AsyncIterator[Sequence[Gateway]]:
    """Four, on one database and one Valkey; `limits` are those of the tenant."""
    async with AsyncExitStack() as stack:
        port = await stack.enter_async_context(_reached_by_tcp(valkey))
        doors = []
        for number in range(REPLICAS):
            place = directory / str(number)
            place.mkdir()
            store = (
                f'store = "valkey://127.0.0.1:{port}/0"\npassword = "env:VALKEY_PASSWORD"\ndeadline_ms = 9000\n'
                f"[limits_for.tenant]\n{limits}\n"
            )
            door = prepared(place, up.url, database=database, store=store)
            door.environ["VALKEY_PASSWORD"] = valkey.password
            stack.callback(_kill, door)
            doors.append(door)
        await furnish(doors[0], 10**12)
        for door in doors:
            door.key, door.key_id = doors[0].key, doors[0].key_id
        await asyncio.gather(*(door.start() for door in doors))
        yield doors


async def test_of_requests_at_all_replicas_at_once_exactly_as_many_pass_as_may(
    tmp_path: Path, postgres_database: str, valkey: ValkeyServer
) -> None:
    limits = "requests_per_day = 60"
    async with (
        provider() as up,
        replicas(tmp_path, up, postgres_database, valkey, limits) as doors,
        aiohttp.ClientSession(timeout=PATIENCE) as session,
    ):
        told = await asyncio.gather(*(_call(session, door) for door in islice(cycle(doors), 160)))

    assert Counter(told) == {"ok": 60, "rate_limited": 100}
    assert len(up.asked) == 60


async def test_no_more_calls_are_under_way_at_all_replicas_than_may_and_no_place_is_lost(
    tmp_path: Path, postgres_database: str, valkey: ValkeyServer
) -> None:
    async with (
        provider() as up,
        replicas(tmp_path, up, postgres_database, valkey, "concurrent = 7") as doors,
        aiohttp.ClientSession(timeout=PATIENCE) as session,
    ):
        for _ in range(2):  # the second time with the places of the first
            before = len(up.asked)
            told = await _crowd(session, doors, up)

            assert told == {"ok": 7, "concurrency_limited": 33}
            assert len(up.asked) - before == 7
            await until(lambda: _is_free(session, doors), "the places are free again")


async def test_tokens_come_to_what_was_used_wherever_they_were_taken(
    tmp_path: Path, postgres_database: str, valkey: ValkeyServer
) -> None:
    async with (
        provider() as up,
        replicas(tmp_path, up, postgres_database, valkey, "output_tokens_per_day = 150") as doors,
        aiohttp.ClientSession(timeout=PATIENCE) as session,
    ):
        for door in islice(cycle(doors), 11):  # the eleventh finds 50 used, and asks for 100

            async def passes(door: Gateway = door) -> bool:
                return (
                    await _call(session, door) == "ok"
                )  # what was not used comes back in a moment

            await until(passes, "so many fit")
        told = [await _call(session, door) for door in islice(cycle(doors), 8)]

    assert told == ["tokens_limited"] * 8
    assert len(up.asked) == 11


async def _crowd(
    session: aiohttp.ClientSession, doors: Sequence[Gateway], up: Provider
) -> Counter[str]:
    """Forty at once; those who are let in are answered when all others have been refused."""
    gate = asyncio.Event()

    async def kept_waiting(it: Provider, asked: Asked, writer: asyncio.StreamWriter) -> None:
        await gate.wait()
        await answer(it, asked, writer)

    up.script = kept_waiting
    calls = [asyncio.create_task(_call(session, door)) for door in islice(cycle(doors), 40)]

    async def are_refused() -> bool:
        return sum(call.done() for call in calls) >= 33

    await until(are_refused, "all but seven are refused")
    gate.set()
    up.script = None
    return Counter(await asyncio.gather(*calls))


async def _is_free(session: aiohttp.ClientSession, doors: Sequence[Gateway]) -> bool:
    return await _call(session, doors[0]) == "ok"


async def _call(session: aiohttp.ClientSession, door: Gateway) -> str:
    """`ok`, or the code of the refusal."""
    url = f"{door.base_url}/chat/completions"
    async with session.post(url, json=ask(max_tokens=100), headers=door.headers) as reply:
        said = await reply.json()
        return "ok" if reply.status == 200 else str(said["error"]["code"])


@asynccontextmanager
async def _reached_by_tcp(valkey: ValkeyServer) -> AsyncIterator[int]:
    """The server listens on a socket in its directory: this leads there."""
    path = urlsplit(valkey.url.replace("unix:", "http:")).path
    ways: set[asyncio.Task[None]] = set()

    async def lead(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_unix_connection(path)
        both = [asyncio.create_task(_pass_on(*pair)) for pair in ((reader, back), (there, writer))]
        ways.update(both)
        await asyncio.wait(both)

    server = await asyncio.start_server(lead, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while chunk := await reader.read(65536):
            writer.write(chunk)
            await writer.drain()
    finally:
        writer.close()


def _kill(door: Gateway) -> None:
    while door.processes:
        door.kill()

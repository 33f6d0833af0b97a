"""The gateway fills up: the lowest class is turned away first, at once, and room is left for the highest."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from journeys.gateway import MODEL, Gateway, ask, gateway, until
from journeys.provider import Asked, Provider, answer, provider
from tollhouse.domain.identity import Priority

Fill = Callable[[int], Awaitable[None]]
Filling = tuple[Gateway, aiohttp.ClientSession, dict[str, str], Fill]


@pytest.mark.req("B-40", "S-81", "OL-14")
async def test_the_fuller_it_is_the_higher_the_class_that_is_refused(tmp_path: Path) -> None:
    async with _filling(tmp_path, most=10) as (door, session, keys, fill):
        await fill(7)
        at_seventy = {name: await _status(door, session, key) for name, key in keys.items()}
        await fill(9)
        at_ninety = {name: await _status(door, session, key) for name, key in keys.items()}

    assert at_seventy == {"low": 503, "normal": 200, "high": 200}
    assert at_ninety == {"low": 503, "normal": 503, "high": 200}


@pytest.mark.req("S-81", "OL-14", "P-22")
async def test_ten_times_too_much_is_refused_quickly_written_down_and_never_sent(
    tmp_path: Path,
) -> None:
    async with _filling(tmp_path, most=40) as (door, session, keys, fill):
        await fill(28)
        asked = await door.rows("SELECT COUNT(*) FROM calls")
        before = _memory(door)

        took_s: list[float] = []

        async def refused() -> None:
            began = time.perf_counter()
            assert await _status(door, session, keys["low"]) == 503
            took_s.append(time.perf_counter() - began)

        for _ in range(10):
            await asyncio.gather(*(refused() for _ in range(40)))

        assert statistics.median(took_s) < 1
        assert _memory(door) - before < 30 * 1024 * 1024
        assert await door.rows("SELECT COUNT(*) FROM calls") == asked
        await until(lambda: _refused(door, 400), "each refusal has its record")


@asynccontextmanager
async def _filling(directory: Path, most: int) -> AsyncIterator[Filling]:
    """A key of each class, and a way to keep so many calls under way."""
    free = asyncio.Event()

    async def hold_long_ones(it: Provider, asked: Asked, writer: asyncio.StreamWriter) -> None:
        if asked.body.get("user") == "long":
            await free.wait()
        await answer(it, asked, writer)

    server = f"max_concurrent_requests = {most}\nmax_lag_ms = 60000"
    async with provider() as up, gateway(directory, up.url, server=server) as door:
        up.script = hold_long_ones
        keys = {
            priority.value: (await door.new_key(models=(MODEL,), priority=priority)).key
            for priority in Priority
        }
        hanging: list[asyncio.Task[int]] = []
        connector = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(connector=connector) as session:

            async def fill(number: int) -> None:
                while len(hanging) < number:
                    long = ask(user="long")
                    calling = _status(door, session, keys["high"], long)
                    hanging.append(asyncio.create_task(calling))
                await until(lambda: _are_under_way(door, number), f"{number} calls are under way")

            async def is_known() -> bool:
                return await _status(door, session, keys["high"]) == 200

            await until(is_known, "the new keys are known")
            yield door, session, keys, fill
            free.set()
            assert set(await asyncio.gather(*hanging)) == {200}
        await door.nothing_is_held()


async def _status(
    door: Gateway, session: aiohttp.ClientSession, key: str, body: object = None
) -> int:
    url, headers = f"{door.base_url}/chat/completions", {"authorization": f"Bearer {key}"}
    async with session.post(url, json=body or ask(), headers=headers) as reply:
        await reply.read()
        assert reply.status != 503 or int(reply.headers["retry-after"]) >= 1
        return reply.status


async def _are_under_way(door: Gateway, number: int) -> bool:
    ((count,),) = await door.rows("SELECT COUNT(*) FROM calls WHERE state = 'held'")
    return bool(count == number)


async def _refused(door: Gateway, number: int) -> bool:
    return sum(record["code"] == "overloaded" for record in door.calls()) == number


def _memory(door: Gateway) -> int:
    status = Path(f"/proc/{door.processes[0].pid}/status").read_text()
    (line,) = [line for line in status.splitlines() if line.startswith("VmRSS")]
    return int(line.split()[1]) * 1024

"""Our HTTP client beside aiohttp's, each alone in a process of its own, before the same upstream.

`python -m bench.clients NAME SECONDS PORT` prints the CPU of one call in microseconds.
"""

from __future__ import annotations

import asyncio
import gc
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import aiohttp
import uvloop

from bench import wire
from tollhouse.domain.exchange import Deadlines, Sending
from tollhouse.upstream.client import HttpUpstream
from tollhouse.upstream.way import way_to

CALLERS = 64
HEADERS = {
    "content-type": "application/json",
    "accept": "application/json, text/event-stream",
    "accept-encoding": "identity",
    "user-agent": "bench",
    "authorization": "Bearer none",
}
MAX_BYTES = 64 * 1024 * 1024

Call = Callable[[], Awaitable[tuple[int, bytes]]]


@asynccontextmanager
async def tollhouse(port: int) -> AsyncIterator[Call]:
    upstream = HttpUpstream(
        way_to(f"http://127.0.0.1:{port}"), deadlines=Deadlines(), max_body_bytes=MAX_BYTES
    )
    headers = tuple((name.encode(), value.encode()) for name, value in HEADERS.items())
    body = wire.question()

    async def call() -> tuple[int, bytes]:
        async with upstream.send(Sending(b"POST", wire.PATH.encode(), headers, body)) as answer:
            parts = []
            while part := await answer.read():
                parts.append(part)
            return answer.status, b"".join(parts)

    yield call
    await upstream.aclose()


@asynccontextmanager
async def others(port: int) -> AsyncIterator[Call]:
    """aiohttp's, with whatever is not needed here turned off."""
    session = aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=512),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
    )
    url, body = f"http://127.0.0.1:{port}{wire.PATH}", wire.question()

    async def call() -> tuple[int, bytes]:
        posted = session.post(url, data=body, headers=HEADERS, allow_redirects=False)
        async with posted as answer:
            return answer.status, await answer.read()

    async with session:
        yield call


CLIENTS = {"tollhouse": tollhouse, "aiohttp": others}


async def cpu_us(name: str, seconds: float, port: int) -> float:
    checker = wire.Checker()
    calls, is_over = 0, False

    async def caller(call: Call) -> None:
        nonlocal calls
        while not is_over:
            checker.check(*await call())
            calls += 1

    async with CLIENTS[name](port) as call, asyncio.TaskGroup() as group:
        for _ in range(CALLERS):
            group.create_task(caller(call))
        await asyncio.sleep(seconds / 4)
        gc.collect()
        gc.freeze()
        before, began = calls, time.process_time()
        await asyncio.sleep(seconds)
        took, answered = time.process_time() - began, calls - before
        is_over = True
    return took * 1e6 / answered


if __name__ == "__main__":
    print(uvloop.run(cpu_us(sys.argv[1], float(sys.argv[2]), int(sys.argv[3]))))

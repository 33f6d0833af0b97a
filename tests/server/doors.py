"""A door on a real socket, before an answer that a test chooses."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from tollhouse.domain.suspicion import Sign
from tollhouse.server.clocks import Clocks
from tollhouse.server.door import Answer, Door
from tollhouse.server.peers import Networks


@asynccontextmanager
async def served(answer: Answer, clocks: Clocks | None = None, **rules: int) -> AsyncIterator[int]:
    async with opened(answer, clocks, **rules) as (_, port):
        yield port


@asynccontextmanager
async def opened(
    answer: Answer,
    clocks: Clocks | None = None,
    *,
    most_per_address: int = 0,
    trusted: Networks = (),
    on_suspicion: Callable[[Sign], None] = lambda _: None,
) -> AsyncIterator[tuple[Door, int]]:
    door = Door(
        answer,
        clocks or Clocks(),
        most_per_address=most_per_address,
        trusted=trusted,
        on_suspicion=on_suspicion,
    )
    loop = asyncio.get_running_loop()
    server = await loop.create_server(door.connection, "127.0.0.1", 0)
    watching = asyncio.create_task(door.watch())
    try:
        yield door, server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await door.drain(0, asyncio.Event())
        watching.cancel()

"""Many connections at one door, and how long to watch them. The first wrong answer ends the workload."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from bench.client import Connection, Door
from bench.wire import Checker, WrongAnswer

END_S = 180.0  # what is under way may take so long to end; a slow rival needs it


@dataclass(slots=True)
class Crowd:
    wrong: asyncio.Future[None]
    connections: list[Connection] = field(default_factory=list)

    def fail(self, problem: Exception) -> None:
        if not self.wrong.done():
            self.wrong.set_exception(problem)

    def judge(self, connection: Connection, checker: Checker) -> None:
        try:
            checker.check(connection.status, connection.body)
        except WrongAnswer as problem:
            self.fail(problem)

    async def watch(self, seconds: float) -> None:
        """Let time pass. Raises WrongAnswer as soon as there is one."""
        await asyncio.wait({self.wrong}, timeout=seconds)
        if self.wrong.done():
            self.wrong.result()

    async def watch_until(self, is_so: Callable[[], bool]) -> None:
        deadline = asyncio.get_running_loop().time() + END_S
        while not is_so():
            if asyncio.get_running_loop().time() > deadline:
                raise WrongAnswer(f"still not answered after {END_S:.0f} s")
            await self.watch(0.01)


@asynccontextmanager
async def gathered(door: Door, size: int) -> AsyncIterator[Crowd]:
    """`size` open connections; closed, whatever they wait for, at the end of the block."""
    loop = asyncio.get_running_loop()
    crowd = Crowd(loop.create_future())
    try:
        for _ in range(size):
            _, connection = await loop.create_connection(
                lambda: Connection(crowd.fail), "127.0.0.1", door.port
            )
            crowd.connections.append(connection)
        yield crowd
    finally:
        for connection in crowd.connections:
            connection.close()
        crowd.wrong.cancel()

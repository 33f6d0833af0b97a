"""Where nginx is missing: a relay of our own that moves bytes and reads none of them."""

from __future__ import annotations

import asyncio
import platform
import sys
from typing import cast

import uvloop

from bench.client import Door
from bench.systems import Place, System


def prepared(place: Place) -> System:
    command = (sys.executable, "-m", "bench.systems.relay", str(place.port), str(place.upstream))
    return System("bare relay", platform.python_version(), Door(place.port), command)


class Half(asyncio.Protocol):
    """One side of a connection. What it hears is written to the other side."""

    other: Half
    transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self.other.transport.write(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self.other.transport.close()

    def pause_writing(self) -> None:
        self.other.transport.pause_reading()

    def resume_writing(self) -> None:
        self.other.transport.resume_reading()


class Caller(Half):
    """The caller's side: opens the other, and keeps what it hears until that is open."""

    def __init__(self, upstream: int) -> None:
        self._upstream = upstream
        self._early: list[bytes] | None = []
        self.other = Half()
        self.other.other = self

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._opening = asyncio.get_running_loop().create_task(self._open())

    def data_received(self, data: bytes) -> None:
        if self._early is None:
            self.other.transport.write(data)
        else:
            self._early.append(data)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._early is None:
            self.other.transport.close()
        else:
            self._opening.cancel()

    async def _open(self) -> None:
        loop = asyncio.get_running_loop()
        await loop.create_connection(lambda: self.other, "127.0.0.1", self._upstream)
        early, self._early = self._early, None
        self.other.transport.writelines(early or [])


async def serve(port: int, upstream: int) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Caller(upstream), "127.0.0.1", port, backlog=4096)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1]), int(sys.argv[2])))

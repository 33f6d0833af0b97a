"""An upstream that does what a test's script says, byte by byte."""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

from tollhouse.domain.exchange import Deadlines, Sending
from tollhouse.upstream.client import HttpUpstream
from tollhouse.upstream.way import Way, way_to

ASK = Sending(b"POST", b"/v1/ask", ((b"content-type", b"application/json"),), b'{"q": 1}')
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello"
CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"

Script = Callable[["Visit"], Awaitable[None]]


class Visit:
    """One connection, seen from the upstream."""

    def __init__(
        self, number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.number = number
        self.writer = writer
        self._reader = reader

    async def request(self) -> bytes:
        head = await self._reader.readuntil(b"\r\n\r\n")
        length = head.partition(b"\r\ncontent-length: ")[2].partition(b"\r\n")[0]
        return head + await self._reader.readexactly(int(length or 0))

    async def send(self, *pieces: bytes) -> None:
        """Each piece reaches the other side by itself."""
        for piece in pieces:
            self.writer.write(piece)
            await self.writer.drain()
            for _ in range(4):
                await asyncio.sleep(0)

    async def hang_up_seen(self) -> None:
        try:
            while await self._reader.read(65536):
                pass
        except ConnectionError:
            pass

    def reset(self) -> None:
        """End with RST instead of FIN."""
        sock = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


class Peer:
    def __init__(self, script: Script) -> None:
        self.url = ""
        self.server: asyncio.Server | None = None
        self.visits = 0
        self._script = script
        self._tasks: set[asyncio.Task[None]] = set()

    async def welcome(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.visits += 1
        task = asyncio.create_task(self._play(Visit(self.visits, reader, writer)))
        self._tasks.add(task)

    def stop_listening(self) -> None:
        if self.server is not None:
            self.server.close()

    async def leave(self) -> None:
        for task in self._tasks:
            task.cancel()
        for outcome in await asyncio.gather(*self._tasks, return_exceptions=True):
            if isinstance(outcome, Exception):
                raise outcome

    async def _play(self, visit: Visit) -> None:
        try:
            await self._script(visit)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the gateway has left
        finally:
            visit.writer.close()


@asynccontextmanager
async def serve(script: Script, tls: ssl.SSLContext | None = None) -> AsyncIterator[Peer]:
    peer = Peer(script)
    server = peer.server = await asyncio.start_server(peer.welcome, "127.0.0.1", 0, ssl=tls)
    scheme = "https" if tls else "http"
    peer.url = f"{scheme}://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield peer
    finally:
        server.close()
        await peer.leave()


@asynccontextmanager
async def reaching(
    url: str | Way,
    deadlines: Deadlines | None = None,
    *,
    max_connections: int = 512,
    tls: ssl.SSLContext | None = None,
    max_body_bytes: int | None = None,
    keep_alive_s: float = 60.0,
) -> AsyncIterator[HttpUpstream]:
    upstream = HttpUpstream(
        replace(way_to(url), tls=tls) if isinstance(url, str) else url,
        deadlines=deadlines or Deadlines(connect_s=5, first_byte_s=5, between_s=5, whole_s=20),
        max_connections=max_connections,
        max_body_bytes=max_body_bytes,
        keep_alive_s=keep_alive_s,
    )
    try:
        yield upstream
    finally:
        await upstream.aclose()


async def answer_of(upstream: HttpUpstream, sending: Sending = ASK) -> tuple[int, bytes]:
    async with upstream.send(sending) as answer:
        body = b""
        while data := await answer.read():
            body += data
        return answer.status, body


async def eventually(is_so: Callable[[], bool], within_s: float = 20.0) -> None:
    async with asyncio.timeout(within_s):
        while not is_so():
            await asyncio.sleep(0.002)


async def always_ok(visit: Visit) -> None:
    while True:
        await visit.request()
        await visit.send(OK)

"""Answers for a door, and a caller that sees every byte of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from tollhouse.domain.errors import Problem
from tollhouse.server.body import read_json_body
from tollhouse.server.connection import Connection
from tollhouse.server.reply import WireReply
from tollhouse.server.request import Request

MOST = 1 << 20
PATIENCE_S = 10.0
GET = b"GET /%b HTTP/1.1\r\nhost: localhost\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"


def reply_to(connection: Connection) -> WireReply:
    return WireReply(connection, b"x-request-id: id-1\r\n", lambda: 1)


async def echo(request: Request, connection: Connection) -> None:
    """The body, or the code of what is wrong with the request."""
    try:
        if request.problem is not None:
            raise request.problem
        body = b"" if request.is_whole else await read_json_body(connection, request, MOST)
        status, said = 200, request.target + body
    except Problem as problem:
        status, said = problem.status, problem.code.encode()
    await say(connection, status, said)


async def refuse(request: Request, connection: Connection) -> None:
    """Without a look at the body."""
    await say(connection, 401, b"no" * 40_000)


async def say(connection: Connection, status: int, body: bytes) -> None:
    reply = reply_to(connection)
    await reply.start(status, ((b"content-length", b"%d" % len(body)),))
    await reply.end(body)


class Line:
    """One connection to a door."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    async def answer(self) -> tuple[int, bytes, bytes]:
        """Status, head and body of one answer of declared length."""
        async with asyncio.timeout(PATIENCE_S):
            head = await self.reader.readuntil(b"\r\n\r\n")
            length = int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0])
            return int(head.split(b" ")[1]), head, await self.reader.readexactly(length)

    async def until(self, part: bytes) -> bytes:
        async with asyncio.timeout(PATIENCE_S):
            return await self.reader.readuntil(part)

    async def rest(self) -> bytes:
        """All that comes until the door hangs up; a reset is a failure of the test."""
        async with asyncio.timeout(PATIENCE_S):
            return await self.reader.read()

    async def is_cut(self) -> bool:
        """Once the connection is gone, however."""
        with suppress(ConnectionError):
            await self.rest()
        return True

    def leave(self) -> None:
        self.writer.transport.abort()


@asynccontextmanager
async def line(port: int, host: str = "127.0.0.1", **options: object) -> AsyncIterator[Line]:
    reader, writer = await asyncio.open_connection(host, port, **options)  # type: ignore[arg-type]
    it = Line(reader, writer)
    try:
        yield it
    finally:
        it.leave()


async def until(is_so: Callable[[], bool], what: str) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not is_so():
            await asyncio.sleep(0.005)
    assert is_so(), what

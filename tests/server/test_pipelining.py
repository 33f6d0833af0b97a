"""Where one request ends and the next begins, when nobody read what lies between."""

from __future__ import annotations

import asyncio

import pytest

from security.wire import exchange
from server.doors import served
from tollhouse.server.connection import Connection
from tollhouse.server.request import Request

SMUG = b"GET /smug HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"
NEXT = SMUG.replace(b"/smug", b"/next")


@pytest.mark.req("S-1", "H-67")
@pytest.mark.parametrize(
    "ending", ["1.1\r\nconnection: close", "1.0", "1.0\r\nconnection: keep-alive"]
)
async def test_what_follows_a_last_request_is_never_answered(ending: str) -> None:
    async with served(_echo) as port:
        received = await exchange(
            port, f"GET /last HTTP/{ending}\r\nhost: x\r\n\r\n".encode() + SMUG
        )

    assert _answered(received) == ["/last"]


@pytest.mark.req("S-1", "H-67")
async def test_a_body_that_nobody_read_is_no_request() -> None:
    async with served(_echo) as port:
        received = await exchange(port, _with_body(SMUG) + SMUG + NEXT)

    assert _answered(received) == ["/first", "/next"]


@pytest.mark.req("S-1", "H-67")
async def test_nor_is_one_that_comes_after_its_answer() -> None:
    async with served(_echo) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(_with_body(SMUG))
        answer = await reader.readuntil(b"/first")
        writer.write(SMUG + NEXT)
        rest = await reader.read()
        writer.transport.abort()

    assert b"connection: close" in answer
    assert rest == b""


async def _echo(request: Request, connection: Connection) -> None:
    connection.begin(200, [(b"content-length", b"%d" % len(request.target))], b"")
    connection.finish(request.target)


def _with_body(body: bytes) -> bytes:
    return b"GET /first HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % len(body)


def _answered(received: bytes) -> list[str]:
    """The targets, each of which is the body of its answer."""
    answers = received.split(b"HTTP/1.1 200 OK\r\n")[1:]
    return [answer.partition(b"\r\n\r\n")[2].decode() for answer in answers]

"""The fixed upstream: answers at once, streams as asked. `python -m bench.upstream` prints its port.

It ends when its standard input closes, so it never outlives the bench.
"""

from __future__ import annotations

import asyncio
import sys
from typing import cast

import httptools
import msgspec
import uvloop

from bench import wire


class _Message(msgspec.Struct):
    content: str


class _Options(msgspec.Struct):
    include_usage: bool = False


class _Asked(msgspec.Struct):
    messages: list[_Message]
    stream: bool = False
    stream_options: _Options | None = None


def _chunked(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def _plain(status: bytes, body: bytes) -> bytes:
    head = b"HTTP/1.1 %b\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b"
    return head % (status, len(body), body)


_asked = msgspec.json.Decoder(_Asked).decode
_ANSWER = _plain(b"200 OK", wire.answer())
_REFUSED = _plain(b"400 Bad Request", b'{"error":{"message":"not what the bench asks"}}')
_STREAM_HEAD = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"
    b"cache-control: no-cache\r\ntransfer-encoding: chunked\r\n\r\n"
)
_FIRST = _chunked(wire.word_event(0))
_NEXT = tuple(_chunked(wire.word_event(number)) for number in (2, 1))  # by evenness


class Answering(asyncio.Protocol):
    """One connection. httptools calls the `on_` methods."""

    transport: asyncio.Transport

    def __init__(self) -> None:
        self._parser = httptools.HttpRequestParser(self)
        self._body = b""
        self._timer: asyncio.Handle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._timer:
            self._timer.cancel()

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self.transport.close()

    def on_message_begin(self) -> None:
        self._body = b""

    def on_body(self, part: bytes) -> None:
        self._body += part

    def on_message_complete(self) -> None:
        try:
            asked = _asked(self._body)
            if asked.stream:
                self._begin(wire.flow_in(asked.messages[0].content), asked.stream_options)
            else:
                self.transport.write(_ANSWER)
        except (msgspec.DecodeError, ValueError):
            self.transport.write(_REFUSED)

    def _begin(self, flow: wire.Flow, options: _Options | None) -> None:
        with_usage = options is not None and options.include_usage
        last = _chunked(wire.last_events(flow.chunks, with_usage=with_usage)) + b"0\r\n\r\n"
        self.transport.write(_STREAM_HEAD + _FIRST)
        self._later(flow, flow.chunks - 1, last)

    def _later(self, flow: wire.Flow, left: int, last: bytes) -> None:
        # Each chunk waits for a turn of the loop, or many would leave in one segment.
        loop = asyncio.get_running_loop()
        if flow.interval_ms:
            self._timer = loop.call_later(flow.interval_ms / 1000, self._go_on, flow, left, last)
        else:
            self._timer = loop.call_soon(self._go_on, flow, left, last)

    def _go_on(self, flow: wire.Flow, left: int, last: bytes) -> None:
        if left:
            self.transport.write(_NEXT[(flow.chunks - left) % 2])
            self._later(flow, left - 1, last)
        else:
            self.transport.write(last)


async def serve() -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Answering, "127.0.0.1", 0, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    uvloop.run(serve())

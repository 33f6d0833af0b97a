"""The load generator's side of a connection: HTTP/1.1, kept alive, one question at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter
from typing import cast

import httptools

from bench import wire


@dataclass(frozen=True, slots=True)
class Door:
    """Where a system listens, and what it wants to see. `pid` is 0 when nothing stands between."""

    port: int
    key: str = "none"
    path: str = wire.PATH
    stream_path: str = wire.PATH
    rate: float = 300.0
    pid: int = 0

    def request(self, flow: wire.Flow | None = None) -> bytes:
        """A whole request, ready to be written."""
        body = wire.question(flow)
        head = (
            f"POST {self.stream_path if flow else self.path} HTTP/1.1\r\n"
            f"Host: 127.0.0.1:{self.port}\r\n"
            f"Authorization: Bearer {self.key}\r\n"
            f"Content-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body


class Connection(asyncio.Protocol):
    """Asks, and calls `then` with itself once the answer is whole. httptools calls the `on_` methods."""

    transport: asyncio.Transport

    def __init__(self, fail: Callable[[Exception], None]) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._fail = fail
        self._then: Callable[[Connection], None] | None = None
        self.parts: list[bytes] = []
        self.status = 0
        self.asked_at = self.first_byte_at = self.answered_at = 0.0

    def ask(self, request: bytes, then: Callable[[Connection], None]) -> None:
        self._then = then
        self.parts = []
        self.asked_at = perf_counter()
        self.transport.write(request)

    def close(self) -> None:
        self._then = None
        self.transport.abort()

    @property
    def body(self) -> bytes:
        return self.parts[0] if len(self.parts) == 1 else b"".join(self.parts)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._then:
            self._fail(
                wire.WrongAnswer(f"the connection closed before the answer was whole ({exc})")
            )

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as problem:
            self._fail(wire.WrongAnswer(f"not HTTP: {problem}"))

    def on_body(self, part: bytes) -> None:
        if not self.parts:
            self.first_byte_at = perf_counter()
        self.parts.append(part)

    def on_message_complete(self) -> None:
        then, self._then = self._then, None
        self.answered_at = perf_counter()
        self.status = self._parser.get_status_code()
        if then is None:
            self._fail(wire.WrongAnswer("an answer that nobody asked for"))
        else:
            then(self)

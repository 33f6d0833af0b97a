"""What a client puts on the wire: a pipe before the gateway that keeps every request it carries."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import httptools


@dataclass
class Sent:
    method: str = ""
    path: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    raw: bytes = b""

    @property
    def body(self) -> Any:
        return json.loads(self.raw)


@dataclass
class Tap:
    port: int = 0
    sent: list[Sent] = field(default_factory=list)
    answered: set[str] = field(default_factory=set)
    """The ids by which the gateway spoke of the requests."""

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def posts(self, path: str) -> list[Sent]:
        """Those to the path, whatever query they bear."""
        return [
            each
            for each in self.sent
            if each.method == "POST" and each.path.partition("?")[0] == path
        ]


@asynccontextmanager
async def tap(gateway_port: int) -> AsyncIterator[Tap]:
    it = Tap()
    pipes: set[asyncio.Task[None]] = set()

    async def pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        pipes.add(task)
        try:
            from_gateway, to_gateway = await asyncio.open_connection("127.0.0.1", gateway_port)
            forth = asyncio.create_task(_forth(reader, to_gateway, it.sent))
            back = asyncio.create_task(_back(from_gateway, writer, it.answered))
            try:
                await asyncio.wait({forth, back}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                forth.cancel()
                back.cancel()
                await asyncio.gather(forth, back, return_exceptions=True)
                to_gateway.close()
        except asyncio.CancelledError:
            pass  # nobody listens any more
        finally:
            writer.close()
            pipes.discard(task)

    server = await asyncio.start_server(pipe, "127.0.0.1", 0)
    it.port = server.sockets[0].getsockname()[1]
    try:
        yield it
    finally:
        server.close()
        for task in list(pipes):
            task.cancel()
        await asyncio.gather(*pipes, return_exceptions=True)


async def _forth(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, sent: list[Sent]
) -> None:
    requests = _Requests(sent)
    parser = requests.parser = httptools.HttpRequestParser(requests)

    def read(piece: bytes) -> None:
        with suppress(httptools.HttpParserUpgrade):
            parser.feed_data(piece)

    await _copy(reader, writer, read)


async def _back(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, answered: set[str]
) -> None:
    parser = httptools.HttpResponseParser(_Answers(answered))
    await _copy(reader, writer, parser.feed_data)


async def _copy(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    seen: Any = lambda piece: None,
) -> None:
    with suppress(ConnectionError):
        while piece := await reader.read(65536):
            seen(piece)
            writer.write(piece)
            await writer.drain()


class _Requests:
    """What httptools calls back. A request is kept as soon as it has a head: a stranger's body is not waited for."""

    parser: httptools.HttpRequestParser

    def __init__(self, sent: list[Sent]) -> None:
        self._sent = sent
        self._now = Sent()

    def on_message_begin(self) -> None:
        self._now = Sent()

    def on_url(self, piece: bytes) -> None:
        self._now.path += piece.decode()

    def on_header(self, name: bytes, value: bytes) -> None:
        self._now.headers[name.decode().lower()] = value.decode("latin-1")

    def on_body(self, piece: bytes) -> None:
        self._now.raw += piece

    def on_headers_complete(self) -> None:
        self._now.method = self.parser.get_method().decode()
        self._sent.append(self._now)


class _Answers:
    """What httptools calls back of what the gateway says."""

    def __init__(self, answered: set[str]) -> None:
        self._answered = answered

    def on_header(self, name: bytes, value: bytes) -> None:
        if name.lower() == b"x-request-id":
            self._answered.add(value.decode("ascii"))

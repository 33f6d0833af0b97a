"""A caller that knows what goes over the wire, and can leave at any moment."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from journeys.gateway import Gateway

PATIENCE_S = 25.0


class Caller:
    """One connection with one request on it; `seen` is all that has come back."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.seen = b""
        self._reader = reader
        self._writer = writer

    @property
    def status(self) -> int:
        return int(self.seen.split(b" ", 2)[1])

    @property
    def headers(self) -> dict[str, str]:
        lines = self.seen.partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")[1:]
        return {name.lower(): value.strip() for name, _, value in (x.partition(":") for x in lines)}

    @property
    def has_clean_end(self) -> bool:
        """Of a chunked body: the chunk that says that it is over."""
        return self.seen.endswith(b"\r\n0\r\n\r\n")

    async def until(self, part: bytes, patience_s: float = PATIENCE_S) -> None:
        async with asyncio.timeout(patience_s):
            while part not in self.seen:
                piece = await self._reader.read(65536)
                assert piece, f"the gateway hung up after {self.seen!r}"
                self.seen += piece

    async def to_the_end(self, patience_s: float = PATIENCE_S) -> bytes:
        """All that comes until the gateway hangs up."""
        async with asyncio.timeout(patience_s):
            while piece := await self._reader.read(65536):
                self.seen += piece
        return self.seen

    def leave(self) -> None:
        self._writer.transport.abort()


@asynccontextmanager
async def calling(door: Gateway, body: dict[str, Any], name: str = "call") -> AsyncIterator[Caller]:
    """The call is known by its name: to the ledger as its request id."""
    sent = json.dumps(body).encode()
    reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
    writer.write(
        b"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n"
        b"content-type: application/json\r\nx-request-id: %b\r\nauthorization: Bearer %b\r\n"
        b"content-length: %d\r\n\r\n%b" % (name.encode(), door.key.encode(), len(sent), sent)
    )
    caller = Caller(reader, writer)
    try:
        yield caller
    finally:
        caller.leave()

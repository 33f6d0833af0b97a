"""What an upstream answered, read from bytes, without I/O.

Strict where leniency would let two readers disagree on where an answer ends: one
Content-Length, or `Transfer-Encoding: chunked` and nothing else, or the end of the
connection. How the bytes were cut on their way never changes what is read.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import NoReturn

from httptools import HttpParserError, HttpResponseParser

from tollhouse.domain.errors import UpstreamBroke, UpstreamOverlong

MAX_HEAD_BYTES = 64 * 1024
MAX_HEADERS = 100
MAX_INTERIM = 5
BODILESS = frozenset({204, 304})


class Response:
    """One answer as it arrives."""

    __slots__ = (
        "_arrived",
        "_barren",
        "_chunks",
        "_ends_with_connection",
        "_interim",
        "_most",
        "_parser",
        "_received",
        "buffered",
        "has_head",
        "headers",
        "is_complete",
        "keeps_alive",
        "status",
    )

    def __init__(self, max_body_bytes: int | None) -> None:
        self.status = 0
        self.has_head = False
        self.is_complete = False
        self.keeps_alive = False
        self.buffered = 0
        self.headers: Mapping[bytes, bytes] = {}
        """By lower-case name; what came twice is joined with a comma."""

        self._arrived: list[tuple[bytes, bytes]] = []
        self._interim = 0
        self._chunks: list[bytes] = []
        self._received = 0
        self._most = sys.maxsize if max_body_bytes is None else max_body_bytes
        self._ends_with_connection = False
        self._barren = 0
        self._parser = HttpResponseParser(self)

    @property
    def is_untouched(self) -> bool:
        """Whether not one byte has arrived."""
        return not (self._barren or self.has_head)

    def feed(self, data: bytes | memoryview) -> None:
        """Read on. Raises UpstreamBroke on what is not an HTTP/1 answer, or is too much of one."""
        self._barren += len(data)
        try:
            self._parser.feed_data(data)
        except HttpParserError as error:
            self._judge(error)
        if self._barren > MAX_HEAD_BYTES and not self.is_complete:
            raise UpstreamBroke(private="more than 64 KiB of headers, trailers or chunk extensions")

    def end(self) -> None:
        """The connection ended in good order. Raises UpstreamBroke where that cuts the answer."""
        if self.is_complete:
            return
        if not self._ends_with_connection:
            raise UpstreamBroke(private="the connection ended before the answer did")
        self.is_complete = True

    def take(self) -> bytes:
        """All of the body that has arrived and was not taken yet."""
        chunks = self._chunks
        data = chunks[0] if len(chunks) == 1 else b"".join(chunks)
        chunks.clear()
        self.buffered = 0
        return data

    def close(self) -> None:
        """Let go of the parser, which holds on to us: no garbage is left for the collector."""
        del self._parser

    # --- called by the parser ---

    def on_message_begin(self) -> None:
        if self.is_complete:
            raise UpstreamBroke(private="bytes after the end of the answer")

    def on_header(self, name: bytes, value: bytes) -> None:
        self._arrived.append((name, value))  # trailers too, which nobody looks at

    def on_headers_complete(self) -> None:
        status: int = self._parser.get_status_code()
        if status < 200:
            self._skip(status)
            return
        version = self._parser.get_http_version()
        headers = self.headers = _named(self._arrived)
        encoding = headers.get(b"transfer-encoding")
        length = headers.get(b"content-length")
        if status > 599 or version not in ("1.1", "1.0"):
            raise UpstreamBroke(private=f"HTTP/{version} with status {status}")
        if encoding is not None and (encoding.lower() != b"chunked" or version == "1.0"):
            raise UpstreamBroke(
                private="a Transfer-Encoding that is not chunked, or not HTTP/1.1's"
            )
        if length is not None and int(length) > self._most:
            self._refuse()
        self._ends_with_connection = encoding is None and length is None
        self.keeps_alive = status not in BODILESS and self._parser.should_keep_alive()
        self.status = status
        self.has_head = True

    def on_body(self, data: bytes) -> None:
        self._barren = 0
        size = len(data)
        self._received += size
        if self._received > self._most:
            self._refuse()
        self.buffered += size
        self._chunks.append(data)

    def on_message_complete(self) -> None:
        self.is_complete = self.has_head

    # --- rules ---

    def _judge(self, error: HttpParserError) -> None:
        if self.is_complete:
            self.keeps_alive = False  # the answer stands; the connection is not to be trusted
            return
        cause = error.__context__
        if isinstance(cause, UpstreamBroke):
            raise cause
        raise UpstreamBroke(private=f"not HTTP: {error}") from error

    def _skip(self, status: int) -> None:
        self._interim += 1
        if status < 100 or status == 101 or self._interim > MAX_INTERIM:
            raise UpstreamBroke(private=f"interim answer {status}, number {self._interim}")
        self._arrived.clear()

    def _refuse(self) -> NoReturn:
        raise UpstreamOverlong(private=f"a body of more than {self._most} bytes")


def _named(arrived: Sequence[tuple[bytes, bytes]]) -> Mapping[bytes, bytes]:
    size = sum(map(len, map(b"".join, arrived)))
    if len(arrived) > MAX_HEADERS or size > MAX_HEAD_BYTES:
        raise UpstreamBroke(private="more than 100 headers or 64 KiB of them")
    headers: dict[bytes, bytes] = {}
    for name, value in arrived:
        name, value = name.lower(), value.rstrip(b" \t")
        headers[name] = headers[name] + b", " + value if name in headers else value
    return headers

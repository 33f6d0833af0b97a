"""What a client sends, read from bytes, without I/O.

Strict where leniency would let two readers disagree on where a request ends, and bounded
everywhere: an endless head, a bloated chunk or a crowd of requests ahead of their answers is
refused while it comes. How the bytes were cut on their way never changes what is read.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser

from tollhouse.domain.errors import HeadersTooLarge, HttpMalformed, Problem, TargetTooLong

MAX_HEADERS = 100
MAX_HEADER_BYTES = 8 * 1024
MAX_HEAD_BYTES = 32 * 1024
MAX_TARGET_BYTES = 8 * 1024
MAX_FRAMING_BYTES = 48 * 1024
"""Head, chunk sizes, chunk extensions and trailers of one request, besides what its body excuses."""

FRAMING_PER_BODY_BYTE = 8
"""Chunks of a single byte have six bytes of framing."""

PIECE_BYTES = 16 * 1024
"""What is read between two looks at the framing: so much more of it may pass, and no more."""

ONCE = (
    *(b"host", b"content-type", b"content-encoding", b"content-length", b"expect", b"origin"),
    *(b"x-conversation-id", b"x-max-cost"),
)
VERSIONS = ("1.1", "1.0")
UNDERSCORE = ord("_")
"""A byte is looked for as a number: asked for as bytes, an error is made and dropped each time."""

Header = tuple[bytes, bytes]


class Request:
    """One request as it arrives: its head whole, its body perhaps not yet."""

    __slots__ = (
        "_pieces",
        "buffered",
        "fields",
        "has_head",
        "headers",
        "is_whole",
        "keeps_alive",
        "method",
        "problem",
        "received",
        "target",
        "version",
    )

    def __init__(self) -> None:
        self.method = ""
        self.target = b""
        self.version = "1.1"
        self.headers: Sequence[Header] = ()
        self.fields: dict[bytes, bytes] = {}
        self.has_head = False
        self.is_whole = False
        self.keeps_alive = False
        self.problem: Problem | None = None
        """Why it cannot be answered: it broke the rules, or it took too long."""

        self.received = 0
        self.buffered = 0
        self._pieces: list[bytes] = []

    def take(self) -> bytes:
        """All of the body that has arrived and was not taken yet."""
        pieces = self._pieces
        data = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        pieces.clear()
        self.buffered = 0
        return data

    # --- as it is read ---

    def add_target(self, piece: bytes) -> None:
        self.target += piece
        if len(self.target) > MAX_TARGET_BYTES:
            raise TargetTooLong

    def add_body(self, data: bytes) -> None:
        size = len(data)
        self.received += size
        self.buffered += size
        self._pieces.append(data)

    def close_head(self, arrived: Sequence[Header], *, wants_upgrade: bool) -> None:
        """Raises what is wrong with the head as a whole."""
        _check_sizes(arrived)
        headers = self.headers = [
            (name.lower(), value.rstrip(b" \t"))
            for name, value in arrived
            if UNDERSCORE not in name  # to some readers `_` is `-`: nothing is built on such a name
        ]
        fields = self.fields = dict(headers)
        self.has_head = True
        if len(fields) != len(headers):
            _check_repeated(headers)
        encoding = fields.get(b"transfer-encoding")
        if encoding is not None and (encoding.lower() != b"chunked" or self.version == "1.0"):
            raise HttpMalformed("The only transfer encoding taken here is HTTP/1.1's `chunked`.")
        if wants_upgrade or self.version not in VERSIONS:
            raise HttpMalformed("This door speaks HTTP/1.1 and nothing to upgrade to.")


class Requests:
    """The requests of one connection, one after the other. `begun` is told of each when its head is whole."""

    def __init__(self, begun: Callable[[Request], None]) -> None:
        self.current: Request | None = None
        """The one that is arriving; None between two."""

        self.is_over = False
        """Nothing more is read: what follows a broken request means nothing."""

        self._begun = begun
        self._framing = 0
        self._arrived: list[Header] | None = None
        """The headers of a head that is not whole yet: `MAX_FRAMING_BYTES` of them at most."""

        self._parser = HttpRequestParser(self)

    def feed(self, data: bytes) -> None:
        for piece in (data,) if len(data) <= PIECE_BYTES else _cut(data):
            if self.is_over:
                return
            self._read(piece)

    def _read(self, data: bytes) -> None:
        self._framing += len(data)
        try:
            self._parser.feed_data(data)
        except HttpParserUpgrade:
            return  # refused when its head was whole
        except HttpParserError as error:
            if not self.is_over:
                self.fail(_problem(error))
            return
        request = self.current
        excused = request.received * (1 + FRAMING_PER_BODY_BYTE) if request else 0
        if self._framing > MAX_FRAMING_BYTES + excused:
            is_head = request is not None and not request.has_head
            self.fail(HeadersTooLarge() if is_head else HttpMalformed())

    def fail(self, problem: Problem) -> None:
        """The request that is arriving, or would have come next, is beyond repair."""
        self.is_over = True
        request = self.current or Request()
        request.problem = problem
        request.keeps_alive = False
        if not request.has_head:
            request.has_head = True
            self._begun(request)

    def close(self) -> None:
        """Let go of the parser, which holds on to us: no garbage is left for the collector."""
        self.is_over = True
        del self._parser, self._begun

    # --- called by the parser ---

    def on_message_begin(self) -> None:
        if self.is_over:
            raise HttpMalformed
        self.current = Request()
        self._arrived = []

    def on_url(self, piece: bytes) -> None:
        self._arriving().add_target(piece)

    def on_header(self, name: bytes, value: bytes) -> None:
        if (
            self._arrived is not None
        ):  # else a trailer: nothing may stand on what comes after a body
            self._arrived.append((name, value))

    def on_headers_complete(self) -> None:
        request, parser = self._arriving(), self._parser
        arrived, self._arrived = self._arrived or (), None
        request.method = parser.get_method().decode("ascii")
        request.version = parser.get_http_version()
        try:
            request.close_head(arrived, wants_upgrade=parser.should_upgrade())
        except HttpMalformed as problem:
            request.problem = problem
            self.is_over = True
        else:
            request.keeps_alive = request.version == "1.1" and parser.should_keep_alive()
        self._begun(request)

    def on_body(self, data: bytes) -> None:
        self._arriving().add_body(data)

    def on_message_complete(self) -> None:
        self._arriving().is_whole = True
        self.current = None
        self._framing = 0

    def _arriving(self) -> Request:
        if self.current is None:
            raise HttpMalformed
        return self.current


def _cut(data: bytes) -> list[bytes]:
    return [data[start : start + PIECE_BYTES] for start in range(0, len(data), PIECE_BYTES)]


def _check_sizes(headers: Sequence[Header]) -> None:
    sizes = list(map(len, map(b"".join, headers)))
    if len(sizes) > MAX_HEADERS or sum(sizes) > MAX_HEAD_BYTES:
        raise HeadersTooLarge
    if sizes and max(sizes) > MAX_HEADER_BYTES:
        raise HeadersTooLarge


def _check_repeated(headers: Sequence[Header]) -> None:
    names = [name for name, _ in headers]
    for name in ONCE:
        if names.count(name) > 1:
            raise HttpMalformed(f"The header `{name.decode()}` came more than once.")


def _problem(error: HttpParserError) -> Problem:
    cause = error.__context__
    return cause if isinstance(cause, Problem) else HttpMalformed(private=f"not HTTP: {error}")

"""A request as bytes. The framing is ours: Host and Content-Length are written here and only here."""

from __future__ import annotations

from tollhouse.domain.exchange import Sending

OURS = frozenset(
    {b"host", b"content-length", b"transfer-encoding", b"connection", b"upgrade", b"expect"}
)
UNFRAMEABLE = frozenset({b"HEAD", b"CONNECT"})

Opening = tuple[bytes, bytes, tuple[tuple[bytes, bytes], ...]]
"""What requests mostly have in common: method, path, headers."""


class Heads:
    """Writes the heads of requests to one host. What the last one began with is not written anew."""

    __slots__ = ("_host", "_last", "_written")

    def __init__(self, host: bytes) -> None:
        self._host = host
        self._last: Opening | None = None
        self._written = b""

    def head(self, sending: Sending) -> bytes:
        """Everything before the body. Raises ValueError on what would not stay one request."""
        opening = (sending.method, sending.path, sending.headers)
        if opening != self._last:
            self._written = _opened(opening, self._host)
            self._last = opening
        if sending.body or sending.method != b"GET":
            return b"%bcontent-length: %d\r\n\r\n" % (self._written, len(sending.body))
        return self._written + b"\r\n"


def _opened(opening: Opening, host: bytes) -> bytes:
    method, path, headers = opening
    parts = [method, b" ", path, b" HTTP/1.1\r\nhost: ", host, b"\r\n"]
    for name, value in headers:
        if name in OURS:
            raise ValueError(f"{name!r} is the client's own header")
        parts += (name, b": ", value, b"\r\n")
    written = b"".join(parts)
    lines = len(headers) + 2
    if written.count(b"\n") != lines or written.count(b"\r") != lines or b"\0" in written:
        raise ValueError("a line break or NUL in a request's head")
    if b" " in path or b" " in method or method in UNFRAMEABLE:
        raise ValueError("a method or path that cannot be sent")
    return written

"""A request as bytes. The framing is ours: Host and Content-Length are written here and only here."""

from __future__ import annotations

from tollhouse.domain.exchange import Sending

OURS = frozenset(
    {b"host", b"content-length", b"transfer-encoding", b"connection", b"upgrade", b"expect"}
)
UNFRAMEABLE = frozenset({b"HEAD", b"CONNECT"})


def head(sending: Sending, host: bytes) -> bytes:
    """Everything before the body. Raises ValueError on what would not stay one request."""
    parts = [sending.method, b" ", sending.path, b" HTTP/1.1\r\nhost: ", host]
    for name, value in sending.headers:
        if name in OURS:
            raise ValueError(f"{name!r} is the client's own header")
        parts += (b"\r\n", name, b": ", value)
    if sending.body or sending.method != b"GET":
        parts.append(b"\r\ncontent-length: %d" % len(sending.body))
    parts.append(b"\r\n\r\n")
    written = b"".join(parts)
    _check(sending, written)
    return written


def _check(sending: Sending, written: bytes) -> None:
    lines = len(sending.headers) + 3 + (1 if sending.body or sending.method != b"GET" else 0)
    if written.count(b"\n") != lines or written.count(b"\r") != lines or b"\0" in written:
        raise ValueError("a line break or NUL in a request's head")
    if b" " in sending.path or b" " in sending.method or sending.method in UNFRAMEABLE:
        raise ValueError("a method or path that cannot be sent")

"""A request's body, counted while it comes, whether or not a length was declared."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from tollhouse.domain.errors import BodyIncomplete, BodyTooLarge, MediaTypeUnsupported

Receive = Callable[[], Awaitable[Any]]

WHOLE_S = 60.0
LINGER_S = 2.0
LINGER_BYTES = 4 * 1024 * 1024


async def read_json_body(
    receive: Receive,
    is_whole: Callable[[], bool],
    headers: Sequence[tuple[bytes, bytes]],
    most: int,
) -> bytes:
    _check(headers)
    if is_whole():  # the usual case: it came with the head
        return await _read(receive, most)
    try:
        async with asyncio.timeout(WHOLE_S):
            return await _read(receive, most)
    except TimeoutError:
        raise BodyIncomplete(f"The body was not complete after {WHOLE_S:g} s.") from None


async def _read(receive: Receive, most: int) -> bytes:
    pieces: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise BodyIncomplete
        piece = message.get("body", b"")
        size += len(piece)
        if size > most:
            await _linger(receive, most)
            raise BodyTooLarge(f"The body is larger than the {most:,} bytes that this path takes.")
        pieces.append(piece)
        if not message.get("more_body"):
            return pieces[0] if len(pieces) == 1 else b"".join(pieces)


async def _linger(receive: Receive, most: int) -> None:
    """Throw away a little more: a client that is still writing would not read the answer."""
    left = most + LINGER_BYTES
    try:
        async with asyncio.timeout(LINGER_S):
            while left > 0:
                message = await receive()
                if message["type"] == "http.disconnect" or not message.get("more_body"):
                    return
                left -= len(message.get("body", b""))
    except TimeoutError:
        return


def _check(headers: Sequence[tuple[bytes, bytes]]) -> None:
    kind = b""
    for name, value in headers:
        if name == b"content-type":
            kind = value.lower()
        elif name == b"content-encoding" and value.lower() != b"identity":
            raise MediaTypeUnsupported
    media, _, parameters = kind.partition(b";")
    charset = parameters.strip().removeprefix(b"charset=").strip(b'"')
    if media.strip() != b"application/json" or charset not in (b"", b"utf-8"):
        raise MediaTypeUnsupported

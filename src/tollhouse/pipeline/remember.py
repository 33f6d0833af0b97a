"""A reply that remembers what it said, so that the same can be said again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from tollhouse.ports import Headers, LastWords, Reply

Keep = Callable[[bytes, bytes], Awaitable[None]]
"""Of the media type and the body."""


class Remembering:
    """Implements Reply on another. The whole is kept before the caller is told its end."""

    __slots__ = ("_keep", "_media", "_most", "_pieces", "_reply", "_size")

    def __init__(self, reply: Reply, most_bytes: int, keep: Keep) -> None:
        self._reply = reply
        self._most = most_bytes
        self._keep = keep
        self._media = b""
        self._size = 0
        self._pieces: list[bytes] = []

    @property
    def is_started(self) -> bool:
        return self._reply.is_started

    @property
    def first_byte_ns(self) -> int | None:
        return self._reply.first_byte_ns

    @property
    def is_gone(self) -> bool:
        return self._reply.is_gone

    @property
    def last_words(self) -> LastWords | None:
        return self._reply.last_words

    @last_words.setter
    def last_words(self, words: LastWords | None) -> None:
        self._reply.last_words = words

    def bear(self, headers: Headers) -> None:
        self._reply.bear(headers)

    async def start(self, status: int, headers: Headers) -> None:
        self._media = dict(headers).get(b"content-type", b"")
        await self._reply.start(status, headers)

    async def write(self, chunk: bytes) -> None:
        self._note(chunk)
        await self._reply.write(chunk)

    async def end(self, chunk: bytes = b"") -> None:
        self._note(chunk)
        if self._size <= self._most:
            await self._keep(self._media, b"".join(self._pieces))
        await self._reply.end(chunk)

    def cut(self, chunk: bytes, *, is_end: bool = False) -> None:
        self._reply.cut(chunk, is_end=is_end)

    def keep_alive(self, comment: bytes, headers: Headers, silence_s: float) -> None:
        self._reply.keep_alive(comment, headers, silence_s)

    def close(self) -> None:
        self._reply.close()

    def _note(self, chunk: bytes) -> None:
        self._size += len(chunk)
        if self._size <= self._most:
            self._pieces.append(chunk)
        else:
            self._pieces.clear()

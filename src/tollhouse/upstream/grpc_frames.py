"""How long what comes will be: frames of HTTP/2, and within the body of an answer messages of gRPC.

Each says it before it comes, and what would be too long is not waited for.
"""

from __future__ import annotations

from collections.abc import Iterator

from tollhouse.domain.errors import UpstreamBroke

HEAD, FRAME_HEAD = 5, 9
EMPTY = bytes(HEAD)
"""A message without any field, with its head."""


class Lengths:
    """Of frames of HTTP/2, none of which is kept here."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._head = b""
        self._left = 0

    def insist(self, piece: bytes) -> None:
        """Raises UpstreamBroke."""
        at = 0
        while at < len(piece):
            if self._left:
                passed = min(self._left, len(piece) - at)
                self._left -= passed
            else:
                passed = FRAME_HEAD - len(self._head)
                self._head += piece[at : at + passed]
                self._begin()
            at += passed

    def _begin(self) -> None:
        if len(self._head) == FRAME_HEAD:
            self._left = int.from_bytes(self._head[:3])
            self._head = b""
            if self._left > self._most_bytes:
                raise UpstreamBroke(private="what came is no HTTP/2, or a frame that is too long")


class Frames:
    """Holds no more than one message that is not whole yet."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._held = bytearray()

    @property
    def is_between(self) -> bool:
        """Whether all that came was whole."""
        return not self._held

    def fed(self, piece: bytes) -> Iterator[bytes]:
        """Those that are whole now. Raises UpstreamBroke."""
        self._held += piece
        while len(self._held) >= HEAD:
            if self._held[0]:
                raise UpstreamBroke(private="a message is compressed, which nobody asked for")
            length = int.from_bytes(self._held[1:HEAD])
            if length > self._most_bytes:
                raise UpstreamBroke(private=f"a message has more than {self._most_bytes} bytes")
            if len(self._held) < HEAD + length:
                return
            whole = bytes(self._held[HEAD : HEAD + length])
            del self._held[: HEAD + length]
            yield whole

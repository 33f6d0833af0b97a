"""Messages of gRPC within the body of an answer: five bytes before each say how long it is."""

from __future__ import annotations

from collections.abc import Iterator

from tollhouse.domain.errors import UpstreamBroke

HEAD = 5
EMPTY = bytes(HEAD)
"""A message without any field, with its head."""


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

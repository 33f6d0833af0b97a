"""What every answer in one piece has in common on its way through: nothing passes before it is whole."""

from __future__ import annotations

from abc import ABC, abstractmethod

from tollhouse.domain.errors import Failure
from tollhouse.domain.pricing import Usage


class Whole(ABC):
    """Implements Relay, but for what passes of a whole answer, and how its output is counted."""

    def __init__(self) -> None:
        self.usage: Usage | None = None
        self.failure: Failure | None = None
        self.is_over = False
        self._body = bytearray()

    def feed(self, chunk: bytes) -> bytes:
        self._body += chunk
        return b""

    @abstractmethod
    def finish(self) -> bytes: ...

    def counted_output(self) -> int:
        """None, of what produces no text."""
        return 0

"""What goes to an upstream."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tollhouse.domain.forms import Pieces, Upload
from tollhouse.domain.values import value


@value
class Outgoing:
    """A call as its target is to hear it, before its provider says where that is."""

    dialect: str
    model: str
    is_stream: bool
    body: bytes | Upload
    headers: Sequence[tuple[bytes, bytes]] = ()
    """The caller's."""


@value
class Sending:
    """A request as it leaves: header names in lower case, the body whole or in pieces."""

    method: bytes
    path: bytes
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes | Pieces

    @property
    def whole(self) -> bytes:
        """The body, for those who are never sent one in pieces."""
        if not isinstance(self.body, bytes):
            raise TypeError("a body in pieces is not whole")
        return self.body


@value
class Errand:
    """What is asked of a provider beside calls: about what it keeps."""

    method: bytes
    path: bytes
    """Under the provider's own beginning."""

    body: bytes | Pieces = b""
    media: bytes = b"application/json"


@dataclass(frozen=True, slots=True)
class Deadlines:
    """Four clocks, in seconds."""

    connect_s: float = 5.0
    first_byte_s: float = 300.0
    between_s: float = 120.0
    whole_s: float = 1800.0


@dataclass(frozen=True, slots=True)
class Proving:
    """A request as a proof of possession speaks of it, and what goes with the proof."""

    proof: str
    credential: str
    method: str
    host: str
    path: str

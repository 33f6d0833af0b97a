"""An answer in one piece of any endpoint: kept until it is whole, looked at, then passed as it came."""

from __future__ import annotations

from collections.abc import Callable

from tollhouse.dialects.openai_events import is_given, read_event, text_of
from tollhouse.dialects.openai_problems import kind_of
from tollhouse.domain.errors import Failure, UpstreamFailed
from tollhouse.domain.pricing import Usage

Read = Callable[[bytes], Usage | None]
"""What an answer says of its usage. Raises UpstreamBroke on what is no answer of the endpoint."""


class WholeAnswer:
    """Implements Relay for what produces no text: usage has no output, and none is counted."""

    def __init__(self, read: Read) -> None:
        self.usage: Usage | None = None
        self.failure: Failure | None = None
        self.is_over = False
        self._read = read
        self._body = bytearray()

    def feed(self, chunk: bytes) -> bytes:
        self._body += chunk
        return b""

    def finish(self) -> bytes:
        body = bytes(self._body)
        text_of(body)
        if is_given(read_event(body).error):
            raise UpstreamFailed(private=f"an error with status 200{kind_of(body)}")
        self.usage = self._read(body)
        return body

    def counted_output(self) -> int:
        return 0

"""What every stream of events has in common on its way through, whatever its dialect.

Whole events go out of whole events. What came before a failure has come, and is passed on; an end
that was not seen is not made up, and a megabyte of signs of life is none.
"""

from __future__ import annotations

from abc import abstractmethod

from tollhouse.dialects import sse
from tollhouse.dialects.openai_count import OutputCount
from tollhouse.domain.counting import Bounded
from tollhouse.domain.errors import Failure, UpstreamBroke
from tollhouse.domain.pricing import Usage

MOST_WITHOUT_AN_EVENT = 1024 * 1024
"""Bytes of comments and the like in a row: a day of signs of life, if it means well."""


class SseRelay(Bounded):
    """Implements Relay, but for what an event is."""

    def __init__(self) -> None:
        self.usage: Usage | None = None
        self.failure: Failure | None = None
        self.is_over = False
        self._count = OutputCount()
        self._is_finished = False
        """Whether the answer is whole, though the end of the stream may be missing."""

        self._buffer = sse.EventBuffer()
        self._barren = 0

    def bound(self, tokens: int) -> None:
        self._count.bound(tokens)

    def feed(self, chunk: bytes) -> bytes:
        if self.is_over or self.failure is not None:
            return b""
        block = self._buffer.push(chunk)
        return self._pass(block) if block else b""

    def finish(self) -> bytes:
        """What is still owed to the caller: never an end that only looks like one."""
        if self.is_over:
            return b""
        passed = self._pass_rest(self._buffer.drain())
        if self.failure is not None:
            raise self.failure
        if self.is_over:
            return passed
        if not self._is_finished:
            raise UpstreamBroke(private="the stream ended without saying why")
        return passed + self._ending()

    def counted_output(self) -> int:
        self._pass_rest(self._buffer.drain())  # its blank line may be all that is missing
        return self._count.tokens()

    @abstractmethod
    def _pass_event(self, event: bytes) -> bytes:
        """The event as a caller should see it, without its blank line; nothing if it is none."""

    def _ending(self) -> bytes:
        """Of a stream whose answer is whole, where the end did not come: none, if its last event is the end."""
        return b""

    def _pass_rest(self, rest: bytes) -> bytes:
        """An event without its blank line is one; a torn one is none, and no harm after the finish."""
        if self.failure is not None or not sse.data_of(rest):
            return b""
        was_finished = self._is_finished
        passed = self._pass(rest)
        if was_finished and isinstance(self.failure, UpstreamBroke):
            self.failure = None
        return passed

    def _pass(self, block: bytes) -> bytes:
        """What came before a failure in the same block has come, and is passed on."""
        passed = []
        try:
            for event in block.split(b"\n\n"):
                if event and (data := self._pass_event(event)):
                    passed.append(data)
                    if self.is_over:
                        break
        except Failure as failure:
            failure.forget()
            self.failure = failure
        if not passed:
            self._bear(len(block))
            return b""
        self._barren = 0
        return b"\n\n".join([*passed, b""])

    def _bear(self, size: int) -> None:
        self._barren += size
        if self._barren > MOST_WITHOUT_AN_EVENT and self.failure is None:
            self.failure = UpstreamBroke(private="a megabyte of the stream without an event")

"""An upstream's answer on its way into pieces: what every dialect's reader does alike.

However the bytes were split on their way, the pieces are the same. What came before a failure has
come. An answer whose end was not seen has none.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

from msgspec import Raw

from tollhouse.dialects import sse
from tollhouse.dialects.openai_events import is_given
from tollhouse.dialects.openai_problems import failure_of
from tollhouse.domain.deltas import Delta
from tollhouse.domain.errors import Failure, UpstreamBroke


class Frames(Protocol):
    """Cuts a stream of bytes into what its dialect says at once. Raises UpstreamBroke if that is too long."""

    def push(self, chunk: bytes) -> Sequence[bytes]: ...
    def drain(self) -> Sequence[bytes]: ...  # the last, though its own end may be missing


class Meaning(Protocol):
    """What the frames of one dialect say."""

    is_finished: bool  # nothing is missing of the answer but its end
    is_over: bool  # its end was read

    def read(self, frame: bytes) -> Sequence[Delta]: ...  # raises a Failure


class StreamReader:
    """Implements Reader."""

    def __init__(self, frames: Frames, meaning: Meaning) -> None:
        self.failure: Failure | None = None
        self._frames = frames
        self._meaning = meaning

    @property
    def is_over(self) -> bool:
        return self._meaning.is_over

    def feed(self, chunk: bytes) -> Sequence[Delta]:
        try:
            frames = self._frames.push(chunk)
        except UpstreamBroke as broke:
            broke.forget()
            self.failure = broke
            return ()
        return self._read(frames) if frames else ()

    def finish(self) -> Sequence[Delta]:
        """A torn frame is none, and no harm once all was said."""
        was_finished = self._meaning.is_finished
        deltas = self._read(self._frames.drain())
        if isinstance(self.failure, UpstreamBroke) and was_finished:
            self.failure = None
        if self.failure is None and not (self._meaning.is_over or self._meaning.is_finished):
            self.failure = UpstreamBroke(private="the stream ended before the answer did")
        return deltas

    def _read(self, frames: Sequence[bytes]) -> Sequence[Delta]:
        deltas: list[Delta] = []
        try:
            for frame in frames:
                if self._meaning.is_over or self.failure is not None:
                    break
                deltas += self._meaning.read(frame)
        except Failure as failure:
            failure.forget()
            self.failure = failure
        return deltas


class WholeReader:
    """Implements Reader for an answer in one piece. `read` raises a Failure on what is none."""

    def __init__(self, read: Callable[[bytes], Sequence[Delta]]) -> None:
        self.failure: Failure | None = None
        self.is_over = False
        self._read = read
        self._body = bytearray()

    def feed(self, chunk: bytes) -> Sequence[Delta]:
        self._body += chunk
        return ()

    def finish(self) -> Sequence[Delta]:
        try:
            deltas = self._read(bytes(self._body))
        except Failure as failure:
            self.failure = failure
            return ()
        self.is_over = True
        return deltas


class Answered(Protocol):
    """An answer, or a part of one, that an error may stand in the place of."""

    error: Raw


Found = TypeVar("Found", bound=Answered)


def found_in(
    data: bytes, decode: Callable[[bytes], Found], kind_of: Callable[[bytes], str]
) -> Found:
    """Raises UpstreamFailed on an error, UpstreamBroke on what is not of the dialect's form."""
    try:
        found = decode(data)
    except (ValueError, RecursionError):
        if kind := kind_of(data):
            raise failure_of(kind, "within the answer") from None
        raise UpstreamBroke(private="what should be a JSON object is none") from None
    if is_given(found.error):
        raise failure_of(kind_of(data), "within the answer")
    return found


class Events:
    """Implements Frames: the data of server-sent events; comments say nothing."""

    def __init__(self) -> None:
        self._buffer = sse.EventBuffer()

    def push(self, chunk: bytes) -> Sequence[bytes]:
        block = self._buffer.push(chunk)
        return _said(block) if block else ()

    def drain(self) -> Sequence[bytes]:
        return _said(self._buffer.drain())


def _said(block: bytes) -> list[bytes]:
    return [data for event in block.split(b"\n\n") if event and (data := _data(event))]


def _data(event: bytes) -> bytes:
    if event.startswith(b"data: ") and sse.LF not in event:
        return event[6:]
    return sse.data_of(event).strip()

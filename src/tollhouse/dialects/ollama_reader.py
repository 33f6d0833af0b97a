"""An Ollama answer, read into pieces that belong to no dialect."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from tollhouse.dialects.ndjson import LineBuffer
from tollhouse.dialects.ollama_lines import Line, Message, ToolCall, read_line, usage_of
from tollhouse.dialects.openai_events import is_given
from tollhouse.domain.deltas import (
    Argued,
    Began,
    Called,
    Counted,
    Delta,
    Said,
    Stop,
    Stopped,
    Thought,
)
from tollhouse.domain.errors import Failure, UpstreamBroke, UpstreamFailed


class StreamReader:
    """Implements Reader for answers on lines."""

    def __init__(self) -> None:
        self.failure: Failure | None = None
        self.is_over = False
        self._buffer = LineBuffer()
        self._has_begun = False
        self._calls = 0

    def feed(self, chunk: bytes) -> Sequence[Delta]:
        if self.is_over or self.failure is not None:
            return ()
        try:
            lines = self._buffer.push(chunk)
        except UpstreamBroke as broken:
            self.failure = broken
            return ()
        return self._read(lines)

    def finish(self) -> Sequence[Delta]:
        deltas = self._read(self._buffer.drain())
        if self.failure is not None:
            raise self.failure
        if not self.is_over:
            raise UpstreamBroke(private="the answer ended without `done`")
        return deltas

    def _read(self, lines: list[bytes]) -> list[Delta]:
        """What came before a failure has come."""
        deltas: list[Delta] = []
        try:
            for data in lines:
                if self.is_over:
                    break
                deltas += self._deltas(read_line(data))
        except (UpstreamFailed, UpstreamBroke) as failure:
            self.failure = failure
        return deltas

    def _deltas(self, line: Line) -> list[Delta]:
        if not line.is_answer:
            return []
        deltas: list[Delta] = [] if self._has_begun else [Began()]
        self._has_begun = True
        said = line.message or Message(line.response, line.thinking)
        if said.thinking:
            deltas.append(Thought(said.thinking))
        if said.content:
            deltas.append(Said(said.content))
        for call in line.calls:
            deltas += self._called(call)
        if line.done:
            self.is_over = True
            if usage := usage_of(line):
                deltas.append(Counted(usage))
            deltas.append(Stopped(self._stop(line)))
        return deltas

    def _called(self, call: ToolCall) -> list[Delta]:
        """Ollama gives ids to calls since 0.13 only: what is answered to one needs a name."""
        index, function = self._calls, call.function
        self._calls += 1
        return [
            Called(index, call.id or f"call_{index}", function.name),
            Argued(index, _arguments(function.arguments)),
        ]

    def _stop(self, line: Line) -> Stop:
        if line.done_reason == "length":
            return Stop.LENGTH
        return Stop.TOOLS if self._calls else Stop.END


class WholeReader(StreamReader):
    """Implements Reader for an answer in one piece: the same object, on as many lines as it likes."""

    def __init__(self) -> None:
        super().__init__()
        self._body = bytearray()

    def feed(self, chunk: bytes) -> Sequence[Delta]:
        self._body += chunk
        return ()

    def finish(self) -> Sequence[Delta]:
        deltas = self._read([bytes(self._body)])
        if self.failure is not None:
            raise self.failure
        if not self.is_over:
            raise UpstreamBroke(private="the answer is not done")
        return deltas


def _arguments(raw: msgspec.Raw) -> str:
    """The object as it came, on one line; some servers send the text that OpenAI's form has."""
    if not is_given(raw):
        return "{}"
    said = bytes(raw)
    if said.startswith(b'"'):
        return msgspec.json.decode(said, type=str)
    return said.decode().replace("\n", " ").replace("\r", " ")

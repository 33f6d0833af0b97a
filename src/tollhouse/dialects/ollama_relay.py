"""An Ollama answer on its way through: what is an answer passes as it came but for the name that was asked.

An upstream is not trusted. Lines pass that say something of an answer; an error is told in our words,
what is not JSON ends the answer, and an end that was not seen is not made up. Nothing else passes.
"""

from __future__ import annotations

import msgspec

from tollhouse.dialects.naming import AskedName
from tollhouse.dialects.ndjson import LineBuffer
from tollhouse.dialects.ollama_lines import Line, insist_on_declared, read_line, usage_of
from tollhouse.dialects.openai_count import OutputCount
from tollhouse.dialects.openai_events import NOTHING, on_one_line
from tollhouse.dialects.whole import Whole
from tollhouse.domain.counting import Bounded
from tollhouse.domain.errors import Failure, UpstreamBroke
from tollhouse.domain.pricing import Usage

MOST_WITHOUT_A_LINE = 1024 * 1024
"""Bytes of blank lines and the like in a row: more is no answer."""


class StreamRelay(Bounded):
    """Implements Relay for answers on lines."""

    def __init__(self, *, model: str, tools: frozenset[str]) -> None:
        self.usage: Usage | None = None
        self.failure: Failure | None = None
        self.is_over = False
        self._tools = tools
        self._name = AskedName(model)
        self._buffer = LineBuffer()
        self._count = OutputCount()
        self._barren = 0

    def bound(self, tokens: int) -> None:
        self._count.bound(tokens)

    def feed(self, chunk: bytes) -> bytes:
        if self.is_over or self.failure is not None:
            return b""
        try:
            passed = self._pass(self._buffer.push(chunk))
        except UpstreamBroke as broken:
            broken.forget()
            self.failure = broken
            return b""
        self._barren = 0 if passed else self._barren + len(chunk)
        if self._barren > MOST_WITHOUT_A_LINE and self.failure is None:
            self.failure = UpstreamBroke(private="a megabyte of the stream without a line")
        return passed

    def finish(self) -> bytes:
        """What is still owed to the caller: never an end that only looks like one."""
        passed = self._pass(self._buffer.drain())
        if self.failure is not None:
            raise self.failure
        if not self.is_over:
            raise UpstreamBroke(private="the stream ended without `done`")
        return passed

    def counted_output(self) -> int:
        if self.failure is None:
            self._pass(self._buffer.drain())  # the end of its line may be all that is missing
        return self._count.tokens()

    def _pass(self, lines: list[bytes]) -> bytes:
        """What came before a failure has come, and is passed on."""
        passed = []
        try:
            for data in lines:
                if self.is_over:
                    break
                if line := self._taken(data):
                    passed.append(on_one_line(_named(data, line, self._name)) + b"\n")
                    self.is_over = line.done
        except Failure as failure:
            failure.forget()
            self.failure = failure
        return b"".join(passed)

    def _taken(self, data: bytes) -> Line | None:
        line = read_line(data)
        if not line.is_answer:
            return None
        insist_on_declared(line, self._tools)
        self._count.keep(msgspec.json.encode((line.message, line.response, line.thinking)))
        if line.done:
            self.usage = usage_of(line)
        return line


class WholeRelay(Whole):
    """Implements Relay for an answer in one piece, which passes as it came."""

    def __init__(self, *, model: str, tools: frozenset[str]) -> None:
        super().__init__()
        self._tools = tools
        self._name = AskedName(model)

    def finish(self) -> bytes:
        body = bytes(self._body)
        line = read_line(body)
        if not line.done:
            raise UpstreamBroke(private="the answer is not done")
        insist_on_declared(line, self._tools)
        self.usage = usage_of(line)
        return _named(body, line, self._name)

    def counted_output(self) -> int:
        count = OutputCount()
        try:
            line = read_line(bytes(self._body))
        except Failure:
            count.keep(bytes(self._body))
        else:
            count.keep(msgspec.json.encode((line.message, line.response, line.thinking)))
        return count.tokens()


def _named(data: bytes, line: Line, name: AskedName) -> bytes:
    return data if line.model is NOTHING else name.put(data, bytes(line.model))

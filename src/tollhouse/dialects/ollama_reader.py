"""An Ollama answer, read into pieces that belong to no dialect."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

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
from tollhouse.domain.errors import UpstreamBroke


class Lines:
    """Implements Meaning. The last line is the end, and nothing else is."""

    def __init__(self) -> None:
        self.is_over = self.is_finished = False
        self._has_begun = False
        self._calls = 0

    def read(self, frame: bytes) -> Sequence[Delta]:
        line = read_line(frame)
        if not line.is_answer:
            return ()
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
            self.is_over = self.is_finished = True
            if usage := usage_of(line):
                deltas.append(Counted(usage))
            deltas.append(Stopped(self._stop(line)))
        return deltas

    def _called(self, call: ToolCall) -> list[Delta]:
        index, function = self._calls, call.function
        self._calls += 1
        return [
            Called(index, call.id or "", function.name),
            Argued(index, _arguments(function.arguments)),
        ]

    def _stop(self, line: Line) -> Stop:
        if line.done_reason == "length":
            return Stop.LENGTH
        return Stop.TOOLS if self._calls else Stop.END


def read_whole(body: bytes) -> Sequence[Delta]:
    lines = Lines()
    deltas = lines.read(body)
    if not lines.is_over:
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

"""One line of an Ollama answer, or a whole one, read as far as it must be.

An answer in one piece is the last line of a stream with all its words in it.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec import Raw, Struct

from tollhouse.dialects.openai_events import NOTHING, is_given, text_of
from tollhouse.dialects.openai_problems import failure_of, kind_of
from tollhouse.dialects.openai_usage import MOST_TOKENS
from tollhouse.domain.errors import UpstreamBroke
from tollhouse.domain.pricing import Usage


class Function(Struct, gc=False):
    name: str = ""
    arguments: Raw = NOTHING


class ToolCall(Struct, gc=False):
    function: Function
    id: str | None = None


class Message(Struct, gc=False):
    content: str | None = None
    thinking: str | None = None
    tool_calls: list[ToolCall] | None = None


class Line(Struct, gc=False):
    """What `/api/chat` says stands in `message`, what `/api/generate` says beside it."""

    model: Raw = NOTHING
    error: Raw = NOTHING
    message: Message | None = None
    response: str | None = None
    thinking: str | None = None
    done: bool = False
    done_reason: str | None = None
    prompt_eval_count: int | None = None
    eval_count: int | None = None

    @property
    def calls(self) -> Sequence[ToolCall]:
        return (self.message.tool_calls or ()) if self.message else ()

    @property
    def is_answer(self) -> bool:
        return self.message is not None or self.response is not None or self.done


_decode = msgspec.json.Decoder(Line).decode


def read_line(data: bytes) -> Line:
    """Raises UpstreamFailed for an error, and UpstreamBroke for what is no object of Ollama's form."""
    if not data.isascii():
        text_of(data)
    try:
        line = _decode(data)
    except (ValueError, RecursionError):  # of msgspec's errors each is a ValueError
        raise UpstreamBroke(private="what should be a line of JSON is none") from None
    if is_given(line.error):
        raise failure_of(kind_of(data), "within the answer")
    return line


def usage_of(line: Line) -> Usage | None:
    """None when the provider gave nothing that can be believed: some leave out what was cached."""
    heard, said = line.prompt_eval_count, line.eval_count
    if heard is None or said is None or max(heard, said) > MOST_TOKENS:
        return None
    return Usage(max(heard, 0), max(said, 0))


def insist_on_declared(line: Line, tools: frozenset[str]) -> None:
    """A tool is called only if the caller offered it: an upstream does not choose what a client runs."""
    for call in line.calls:
        if call.function.name not in tools:
            raise UpstreamBroke(private="a tool is called that the caller did not declare")

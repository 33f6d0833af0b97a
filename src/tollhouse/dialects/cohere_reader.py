"""What Cohere's chat (v2) answers, in pieces that belong to no dialect.

What is billed is not what the model read: of the two counts, that which is billed is taken.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

import msgspec
from msgspec import Struct

from tollhouse.dialects.openai_usage import MOST_TOKENS
from tollhouse.domain.conversation import Citation
from tollhouse.domain.deltas import (
    Argued,
    Began,
    Called,
    Cited,
    Counted,
    Delta,
    Said,
    Stop,
    Stopped,
    Thought,
)
from tollhouse.domain.errors import UpstreamBroke, UpstreamFailed, UpstreamTimeout
from tollhouse.domain.pricing import Usage

T = TypeVar("T")

STOPS = {
    "COMPLETE": Stop.END,
    "STOP_SEQUENCE": Stop.SEQUENCE,
    "MAX_TOKENS": Stop.LENGTH,
    "TOOL_CALL": Stop.TOOLS,
    "ERROR_TOXIC": Stop.FILTERED,
}
FAILED = frozenset(("ERROR", "ERROR_LIMIT", "USER_CANCEL"))


class _Block(Struct, gc=False):
    text: str | None = None
    thinking: str | None = None


class _Function(Struct, gc=False):
    name: str | None = None
    arguments: str | None = None


class _Call(Struct, gc=False):
    id: str | None = None
    function: _Function | None = None


class _Document(Struct, gc=False):
    title: str | None = None
    url: str | None = None


class _Source(Struct, gc=False):
    document: _Document | None = None


class _Citation(Struct, gc=False):
    start: int | None = None
    end: int | None = None
    text: str | None = None
    sources: list[_Source] | None = None


class _Piece(Struct, gc=False):
    """Of a stream: one of what a whole message has several of."""

    content: _Block | None = None
    tool_plan: str | None = None
    tool_calls: _Call | None = None
    citations: _Citation | None = None


class _Message(Struct, gc=False):
    content: list[_Block] | None = None
    tool_plan: str | None = None
    tool_calls: list[_Call] | None = None
    citations: list[_Citation] | None = None


class _Tokens(Struct, gc=False):
    input_tokens: float | None = None
    output_tokens: float | None = None


class _Usage(Struct, gc=False):
    billed_units: _Tokens | None = None
    tokens: _Tokens | None = None


class _Delta(Struct, gc=False):
    message: msgspec.Raw = msgspec.Raw(b"null")
    finish_reason: str | None = None
    error: str | None = None
    usage: _Usage | None = None


class _Event(Struct, gc=False):
    type: str = ""
    id: str | None = None
    index: int = -1
    delta: _Delta | None = None


class _Answer(Struct, gc=False):
    id: str | None = None
    message: _Message | None = None
    finish_reason: str | None = None
    usage: _Usage | None = None


_event = msgspec.json.Decoder(_Event)
_piece = msgspec.json.Decoder(_Piece | None)
_answer = msgspec.json.Decoder(_Answer)


class CohereMeaning:
    """Implements Meaning for the events of a stream."""

    def __init__(self) -> None:
        self.is_finished = False
        self.is_over = False
        self._silent: set[int] = set()
        """Calls whose arguments have not begun."""

    def read(self, frame: bytes) -> Sequence[Delta]:
        event = _read(_event, frame)
        delta = event.delta or _Delta()
        match event.type:
            case "message-start":
                return (Began(event.id or ""),)
            case "content-start" | "content-delta" | "tool-plan-delta" | "citation-start":
                return list(_said(_read(_piece, delta.message) or _Piece()))
            case "tool-call-start" | "tool-call-delta":
                piece = _read(_piece, delta.message) or _Piece()
                return list(self._call(event, piece.tool_calls or _Call()))
            case "tool-call-end":
                return self._fall_silent([event.index])
            case "message-end":
                return self._end(delta)
        return ()

    def _call(self, event: _Event, call: _Call) -> Iterator[Delta]:
        function = call.function or _Function()
        if event.type == "tool-call-start":
            self._silent.add(event.index)
            yield Called(event.index, call.id or "", function.name or "")
        if function.arguments:
            self._silent.discard(event.index)
            yield Argued(event.index, function.arguments)

    def _fall_silent(self, indices: Sequence[int]) -> list[Delta]:
        without = [index for index in indices if index in self._silent]
        self._silent.difference_update(without)
        return [Argued(index, "{}") for index in without]

    def _end(self, delta: _Delta) -> list[Delta]:
        stopped = _stopped(delta.finish_reason, delta.error)
        self.is_finished = self.is_over = True
        return [*self._fall_silent(sorted(self._silent)), stopped, *_counted(delta.usage)]


def read_whole(body: bytes) -> Sequence[Delta]:
    answer = _read(_answer, body)
    message = answer.message
    if message is None or not answer.finish_reason:
        raise UpstreamBroke(private="the answer has no message, or no end")
    deltas: list[Delta] = [Began(answer.id or "")]
    deltas += _said(_Piece(tool_plan=message.tool_plan))
    for block in message.content or ():
        deltas += _said(_Piece(block))
    for citation in message.citations or ():
        deltas += _said(_Piece(citations=citation))
    for index, call in enumerate(message.tool_calls or ()):
        function = call.function or _Function()
        deltas.append(Called(index, call.id or "", function.name or ""))
        deltas.append(Argued(index, function.arguments or "{}"))
    return [*deltas, _stopped(answer.finish_reason, None), *_counted(answer.usage)]


def _said(piece: _Piece) -> Iterator[Delta]:
    """A plan is a thought: it says why a tool is called."""
    block, citation = piece.content, piece.citations
    if piece.tool_plan:
        yield Thought(piece.tool_plan)
    if block is not None and block.thinking:
        yield Thought(block.thinking)
    if block is not None and block.text:
        yield Said(block.text)
    if citation is not None:
        found = [each.document for each in citation.sources or () if each.document]
        page = found[0] if found else _Document()
        yield Cited(Citation(page.url, page.title, citation.text, citation.start, citation.end))


def _stopped(reason: str | None, error: str | None) -> Stopped:
    if reason == "TIMEOUT":
        raise UpstreamTimeout(private="the provider gave the answer up")
    if error or reason in FAILED or not reason:
        raise UpstreamFailed(private="an error within the answer")
    return Stopped(STOPS.get(reason, Stop.END))


def _counted(usage: _Usage | None) -> Sequence[Delta]:
    for tokens in (usage.billed_units, usage.tokens) if usage else ():
        read, written = (tokens.input_tokens, tokens.output_tokens) if tokens else (None, None)
        if read is None or written is None:
            continue
        if 0 <= read <= MOST_TOKENS and 0 <= written <= MOST_TOKENS:
            return (Counted(Usage(round(read), round(written))),)
    return ()


def _read(decoder: msgspec.json.Decoder[T], data: bytes | msgspec.Raw) -> T:
    """Raises UpstreamBroke on what is not of Cohere's form."""
    try:
        return decoder.decode(data)
    except (ValueError, RecursionError):
        raise UpstreamBroke(private="what should be of Cohere's form is not") from None

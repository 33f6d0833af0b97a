"""What AWS Bedrock's Converse answers, in pieces that belong to no dialect.

A stream has its own end in `messageStop`; what was used comes after it, and is waited for. A block of
text may come without a beginning of its own, a call of a tool never does.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

import msgspec
from msgspec import Raw, Struct

from tollhouse.dialects import converse_problems, converse_state
from tollhouse.dialects.converse_usage import read_count
from tollhouse.dialects.event_stream import read_message
from tollhouse.dialects.openai_events import NOTHING, is_given, text_of
from tollhouse.domain.conversation import Citation
from tollhouse.domain.deltas import (
    Argued,
    Began,
    Called,
    Cited,
    Delta,
    Said,
    Sealed,
    Stop,
    Stopped,
    Thought,
)
from tollhouse.domain.errors import UpstreamBroke, UpstreamFailed

T = TypeVar("T")

STOPS = {
    "end_turn": Stop.END,
    "max_tokens": Stop.LENGTH,
    "model_context_window_exceeded": Stop.LENGTH,
    "stop_sequence": Stop.SEQUENCE,
    "tool_use": Stop.TOOLS,
    "guardrail_intervened": Stop.FILTERED,
    "content_filtered": Stop.FILTERED,
}
MALFORMED = frozenset(("malformed_model_output", "malformed_tool_use"))


class _ToolUse(Struct, gc=False, rename="camel"):
    tool_use_id: str | None = None
    name: str | None = None
    input: Raw = NOTHING
    type: str | None = None
    """Said of what the provider runs by itself."""


class _Thought(Struct, gc=False, rename="camel"):
    text: str | None = None
    signature: str | None = None


class _Reasoning(Struct, gc=False, rename="camel"):
    text: str | None = None
    signature: str | None = None
    redacted_content: str | None = None
    reasoning_text: _Thought | None = None


class _Web(Struct, gc=False, rename="camel"):
    url: str | None = None


class _Chars(Struct, gc=False, rename="camel"):
    start: int | None = None
    end: int | None = None


class _Location(Struct, gc=False, rename="camel"):
    web: _Web | None = None
    document_char: _Chars | None = None


class _Text(Struct, gc=False, rename="camel"):
    text: str | None = None


class _Citation(Struct, gc=False, rename="camel"):
    title: str | None = None
    source: str | None = None
    source_content: list[_Text] | None = None
    location: _Location | None = None


class _Cited(Struct, gc=False, rename="camel"):
    content: list[_Text] | None = None
    citations: list[_Citation] | None = None


class _Start(Struct, gc=False, rename="camel"):
    tool_use: _ToolUse | None = None


class _Piece(Struct, gc=False, rename="camel"):
    text: str | None = None
    tool_use: _ToolUse | None = None
    reasoning_content: _Reasoning | None = None
    citation: _Citation | None = None


class _Block(Struct, gc=False, rename="camel"):
    text: str | None = None
    tool_use: _ToolUse | None = None
    reasoning_content: _Reasoning | None = None
    citations_content: _Cited | None = None


class _Event(Struct, gc=False, rename="camel"):
    content_block_index: int = -1
    start: _Start | None = None
    delta: _Piece | None = None
    stop_reason: str | None = None
    usage: Raw = NOTHING


class _Message(Struct, gc=False, rename="camel"):
    content: list[_Block] | None = None


class _Output(Struct, gc=False, rename="camel"):
    message: _Message | None = None


class _Answer(Struct, gc=False, rename="camel"):
    output: _Output | None = None
    stop_reason: str | None = None
    usage: Raw = NOTHING


_event = msgspec.json.Decoder(_Event)
_answer = msgspec.json.Decoder(_Answer)
_fragment = msgspec.json.Decoder(str)


class ConverseMeaning:
    """Implements Meaning for the messages of an event stream."""

    def __init__(self) -> None:
        self.is_finished = False
        self.is_over = False
        self._open: dict[int, _Talk] = {}

    def read(self, frame: bytes) -> Sequence[Delta]:
        message = read_message(frame)
        kind = message.headers.get(":message-type")
        if kind == "exception":
            raise converse_problems.within(message.headers.get(":exception-type", ""), message.body)
        if kind != "event":
            raise UpstreamFailed(private="an error within the answer")
        match message.headers.get(":event-type"):
            case "messageStart":
                return (Began(),)
            case "contentBlockStart":
                return list(self._begin(_read(_event, message.body)))
            case "contentBlockDelta":
                return list(self._go_on(_read(_event, message.body)))
            case "contentBlockStop":
                ended = self._open.pop(_read(_event, message.body).content_block_index, None)
                return list(ended.end()) if ended else ()
            case "messageStop":
                return list(self._end(_read(_event, message.body)))
            case "metadata":
                return self._count(_read(_event, message.body))
        return ()

    def _begin(self, event: _Event) -> Iterator[Delta]:
        talk = self._open[event.content_block_index] = _Talk(event.content_block_index)
        if event.start is not None and event.start.tool_use is not None:
            yield from talk.call(event.start.tool_use)

    def _go_on(self, event: _Event) -> Iterator[Delta]:
        index = event.content_block_index
        if index not in self._open:
            self._open[index] = _Talk(index)
        yield from self._open[index].go_on(event.delta or _Piece())

    def _end(self, event: _Event) -> Iterator[Delta]:
        if event.stop_reason and not self.is_finished:
            stopped = _stopped(event.stop_reason)
            self.is_finished = True
            for talk in self._open.values():
                yield from talk.end()
            self._open.clear()
            yield stopped

    def _count(self, event: _Event) -> Sequence[Delta]:
        """The last there is, once the answer has ended."""
        self.is_over = self.is_finished
        counted = read_count(event.usage)
        return (counted,) if counted else ()


def read_whole(body: bytes) -> Sequence[Delta]:
    answer = _read(_answer, body)
    if answer.output is None or answer.output.message is None or not answer.stop_reason:
        raise UpstreamBroke(private="the answer has no message, or no end")
    deltas: list[Delta] = [Began()]
    for index, block in enumerate(answer.output.message.content or ()):
        deltas += _Talk(index).whole(block)
    deltas.append(_stopped(answer.stop_reason))
    if counted := read_count(answer.usage):
        deltas.append(counted)
    return deltas


class _Talk:
    """One block on its way. What the provider runs by itself, and tells of, is no part of the answer."""

    __slots__ = ("_argued", "_calls", "_index", "_is_theirs", "_sealed", "_signature")

    def __init__(self, index: int) -> None:
        self._index = index
        self._calls = self._is_theirs = self._argued = False
        self._signature = self._sealed = ""

    def call(self, tool: _ToolUse) -> Iterator[Delta]:
        self._is_theirs = tool.type is not None
        if not self._is_theirs:
            self._calls = True
            yield Called(self._index, tool.tool_use_id or "", tool.name or "")

    def go_on(self, piece: _Piece) -> Iterator[Delta]:
        if piece.text:
            yield Said(piece.text)
        if piece.reasoning_content is not None:
            yield from self._think(piece.reasoning_content)
        if piece.citation is not None:
            yield Cited(_citation(piece.citation))
        if piece.tool_use is not None and not self._is_theirs:
            yield from self._argue(_read(_fragment, piece.tool_use.input))

    def whole(self, block: _Block) -> Iterator[Delta]:
        if block.text:
            yield Said(block.text)
        if block.citations_content is not None:
            text = "".join(each.text or "" for each in block.citations_content.content or ())
            if text:
                yield Said(text)
            for each in block.citations_content.citations or ():
                yield Cited(_citation(each))
        if block.reasoning_content is not None:
            told = block.reasoning_content.reasoning_text or _Thought()
            reasoning = _Reasoning(
                told.text, told.signature, block.reasoning_content.redacted_content
            )
            yield from self._think(reasoning)
        if block.tool_use is not None:
            yield from self.call(block.tool_use)
            if self._calls and is_given(block.tool_use.input):
                yield from self._argue(text_of(bytes(block.tool_use.input)))
        yield from self.end()

    def end(self) -> Iterator[Delta]:
        if self._signature:
            yield Sealed(converse_state.signed(self._signature))
        if self._sealed:
            yield Sealed(converse_state.redacted(self._sealed))
        if self._calls and not self._argued:
            yield Argued(self._index, "{}")

    def _think(self, reasoning: _Reasoning) -> Iterator[Delta]:
        if reasoning.text:
            yield Thought(reasoning.text)
        self._signature += reasoning.signature or ""
        self._sealed += reasoning.redacted_content or ""

    def _argue(self, fragment: str) -> Iterator[Delta]:
        if not self._calls:
            raise UpstreamBroke(private="arguments of a tool that was not called")
        if fragment:
            self._argued = True
            yield Argued(self._index, fragment)


def _stopped(reason: str) -> Stopped:
    if reason in MALFORMED:
        raise UpstreamBroke(private="the model's own form of the answer was broken")
    return Stopped(STOPS.get(reason, Stop.END))


def _citation(given: _Citation) -> Citation:
    where = given.location or _Location()
    chars, web = where.document_char or _Chars(), where.web or _Web()
    quoted = "".join(each.text or "" for each in given.source_content or ())
    return Citation(web.url, given.title, quoted or None, chars.start, chars.end)


def _read(decoder: msgspec.json.Decoder[T], data: bytes | Raw) -> T:
    """Raises UpstreamBroke on what is not of Converse's form."""
    try:
        return decoder.decode(data)
    except (ValueError, RecursionError):
        raise UpstreamBroke(private="what should be of Converse's form is not") from None

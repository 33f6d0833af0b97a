"""What Anthropic's messages answer, in pieces that belong to no dialect."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from msgspec import Raw, Struct

from tollhouse.dialects import anthropic_state
from tollhouse.dialects.anthropic_parts import cited
from tollhouse.dialects.anthropic_usage import Tally
from tollhouse.dialects.openai_events import NOTHING
from tollhouse.dialects.openai_problems import failure_of, kind_of
from tollhouse.dialects.reading import found_in
from tollhouse.domain.deltas import (
    Argued,
    Began,
    Called,
    Cited,
    Counted,
    Delta,
    Said,
    Sealed,
    Stop,
    Stopped,
    Thought,
)
from tollhouse.domain.errors import UpstreamBroke

STOPS = {
    "end_turn": Stop.END,
    "max_tokens": Stop.LENGTH,
    "model_context_window_exceeded": Stop.LENGTH,
    "stop_sequence": Stop.SEQUENCE,
    "tool_use": Stop.TOOLS,
    "pause_turn": Stop.PAUSED,
    "refusal": Stop.REFUSED,
}


class _Block(Struct, gc=False):
    type: str = ""
    id: str | None = None
    name: str | None = None
    input: dict[str, Any] | None = None
    text: str | None = None
    thinking: str | None = None
    signature: str | None = None
    data: str | None = None
    citations: list[dict[str, Any]] | None = None


class _Delta(Struct, gc=False):
    text: str | None = None
    thinking: str | None = None
    signature: str | None = None
    partial_json: str | None = None
    citation: dict[str, Any] | None = None
    stop_reason: str | None = None
    stop_sequence: str | None = None


class _Message(Struct, gc=False):
    type: str = ""
    id: str | None = None
    content: list[_Block] | None = None
    stop_reason: str | None = None
    stop_sequence: str | None = None
    usage: Raw = NOTHING
    error: Raw = NOTHING


class _Event(Struct, gc=False):
    type: str = ""
    index: int = -1
    message: _Message | None = None
    content_block: _Block | None = None
    delta: _Delta | None = None
    usage: Raw = NOTHING
    error: Raw = NOTHING


_event = msgspec.json.Decoder(_Event)
_message = msgspec.json.Decoder(_Message)


class MessagesMeaning:
    """Implements Meaning for the events of a stream."""

    def __init__(self) -> None:
        self.is_finished = False
        self.is_over = False
        self._tally = Tally()
        self._open: dict[int, _Talk] = {}

    def read(self, frame: bytes) -> Sequence[Delta]:
        event = _read(_event, frame)
        match event.type:
            case "message_start":
                return list(self._begin(event.message or _Message()))
            case "content_block_start":
                talk = self._open[event.index] = _Talk(event.index)
                return list(talk.begin(event.content_block or _Block()))
            case "content_block_delta":
                talk = self._talk(event.index)
                return list(talk.go_on(event.delta or _Delta()))
            case "content_block_stop":
                ended = self._open.pop(event.index, None)
                return list(ended.end()) if ended else ()
            case "message_delta":
                return list(self._end(event.delta or _Delta(), event.usage))
            case "message_stop":
                self.is_over = True
        return ()

    def _begin(self, message: _Message) -> Iterator[Delta]:
        yield Began(message.id or "")
        self._tally.take(message.usage, is_early=True)
        yield from _counted(self._tally)

    def _talk(self, index: int) -> _Talk:
        if index not in self._open:
            raise UpstreamBroke(private="a piece belongs to no block")
        return self._open[index]

    def _end(self, delta: _Delta, usage: Raw) -> Iterator[Delta]:
        self._tally.take(usage)
        if delta.stop_reason and not self.is_finished:
            self.is_finished = True
            for talk in self._open.values():
                yield from talk.end()
            self._open.clear()
            yield Stopped(STOPS.get(delta.stop_reason, Stop.END), delta.stop_sequence)
        yield from _counted(self._tally)


def read_whole(body: bytes) -> Sequence[Delta]:
    message = _read(_message, body)
    if message.type != "message" or message.content is None:
        raise UpstreamBroke(private="the answer has no content")
    deltas: list[Delta] = [Began(message.id or "")]
    for index, block in enumerate(message.content):
        talk = _Talk(index)
        deltas += [*talk.begin(block), *talk.end()]
    tally = Tally()
    tally.take(message.usage)
    stop = STOPS.get(message.stop_reason or "", Stop.END)
    return [*deltas, Stopped(stop, message.stop_sequence), *_counted(tally)]


class _Talk:
    """One block on its way. What the provider did by itself on the way, and tells of, is no part of the answer."""

    __slots__ = ("_argued", "_index", "_input", "_signature", "_type")

    def __init__(self, index: int) -> None:
        self._index = index
        self._type = ""
        self._signature = ""
        self._input: dict[str, Any] = {}
        self._argued = False

    def begin(self, block: _Block) -> Iterator[Delta]:
        self._type = block.type
        match block.type:
            case "text":
                if block.text:
                    yield Said(block.text)
                for each in block.citations or ():
                    yield Cited(cited(each))
            case "thinking":
                self._signature = block.signature or ""
                if block.thinking:
                    yield Thought(block.thinking)
            case "redacted_thinking":
                yield Sealed(anthropic_state.redacted(block.data or ""))
            case "tool_use":
                self._input = block.input or {}
                yield Called(self._index, block.id or "", block.name or "")

    def go_on(self, delta: _Delta) -> Iterator[Delta]:
        if self._type == "text" and delta.text:
            yield Said(delta.text)
        if self._type == "text" and delta.citation:
            yield Cited(cited(delta.citation))
        if self._type == "thinking" and delta.thinking:
            yield Thought(delta.thinking)
        if self._type == "thinking" and delta.signature:
            self._signature += delta.signature
        if self._type == "tool_use" and delta.partial_json:
            self._argued = True
            yield Argued(self._index, delta.partial_json)

    def end(self) -> Iterator[Delta]:
        if self._signature:
            yield Sealed(anthropic_state.signed(self._signature))
        if self._type == "tool_use" and not self._argued:
            yield Argued(self._index, msgspec.json.encode(self._input).decode())


def _counted(tally: Tally) -> Iterator[Counted]:
    if tally.usage is not None:
        yield Counted(tally.usage)


def _read(decoder: msgspec.json.Decoder[Any], data: bytes) -> Any:
    found = found_in(data, decoder.decode, kind_of)
    if found.type == "error":
        raise failure_of(kind_of(data), "within the answer")
    return found

"""What OpenAI's chat completions answer, in pieces that belong to no dialect.

Servers of its form differ: thoughts under two names, calls without an index or all at the same one,
arguments as an object, a stop named twice. What they mean by it is read; what is no answer is none.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from tollhouse.dialects import openai_state
from tollhouse.dialects.openai_events import NOTHING, is_given
from tollhouse.dialects.openai_problems import kind_of
from tollhouse.dialects.openai_usage import read_count
from tollhouse.dialects.reading import found_in
from tollhouse.domain.conversation import Citation
from tollhouse.domain.deltas import (
    Argued,
    Began,
    Called,
    Cited,
    Declined,
    Delta,
    Said,
    Sealed,
    Stop,
    Stopped,
    Thought,
)
from tollhouse.domain.errors import UpstreamBroke

STOPS = {
    "stop": Stop.END,
    "length": Stop.LENGTH,
    "max_tokens": Stop.LENGTH,
    "tool_calls": Stop.TOOLS,
    "function_call": Stop.TOOLS,
    "content_filter": Stop.FILTERED,
}


class _Function(Struct, gc=False):
    name: str | None = None
    arguments: str | dict[str, Any] | None = None


class _Call(Struct, gc=False):
    index: int | None = None
    id: str | None = None
    function: _Function | None = None
    custom: _Named | None = None


class _Named(Struct, gc=False):
    name: str | None = None


class _Part(Struct, gc=False):
    type: str | None = None
    text: str | None = None
    thinking: str | list[_Part] | None = None


class _Annotation(Struct, gc=False):
    url_citation: _UrlCitation | None = None


class _UrlCitation(Struct, gc=False):
    url: str | None = None
    title: str | None = None
    start_index: int | None = None
    end_index: int | None = None


class _Said(Struct, gc=False):
    content: str | list[_Part] | None = None
    refusal: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    reasoning_details: list[dict[str, Any]] | None = None
    tool_calls: list[_Call] | None = None
    function_call: _Function | None = None
    annotations: list[_Annotation] | None = None


class _Choice(Struct, gc=False):
    index: int = 0
    delta: _Said | None = None
    message: _Said | None = None
    finish_reason: str | None = None
    stop_reason: str | int | None = None
    """A sequence that ended it, as vLLM tells it."""


class _Event(Struct, gc=False):
    id: str | None = None
    created: float | None = None
    error: Raw = NOTHING
    usage: Raw = NOTHING
    choices: list[_Choice] | UnsetType | None = UNSET


_decode = msgspec.json.Decoder(_Event).decode


class ChatMeaning:
    """Implements Meaning for the events of a stream."""

    def __init__(self) -> None:
        self.is_finished = False
        self.is_over = False
        self._has_begun = False
        self._choices: dict[int, _Talk] = {}

    def read(self, frame: bytes) -> Sequence[Delta]:
        if frame == b"[DONE]":
            self.is_over = True
            return ()
        event = found_in(frame, _decode, kind_of)
        deltas: list[Delta] = []
        if not self._has_begun and (event.id or event.choices):
            self._has_begun = True
            deltas.append(_began(event))
        for choice in event.choices or ():
            deltas += self._talk(choice.index).read(choice.delta)
            if choice.finish_reason:
                self.is_finished = True
                deltas += self._talk(choice.index).stop(choice)
        if is_given(event.usage) and (counted := read_count(event.usage)):
            deltas.append(counted)
        return deltas

    def _talk(self, index: int) -> _Talk:
        if index not in self._choices:
            self._choices[index] = _Talk(index)
        return self._choices[index]


def read_whole(body: bytes) -> Sequence[Delta]:
    event = found_in(body, _decode, kind_of)
    if not isinstance(event.choices, list):
        raise UpstreamBroke(private="the answer has no choices")
    deltas: list[Delta] = [_began(event)]
    for choice in event.choices:
        talk = _Talk(choice.index)
        deltas += talk.read(choice.message)
        deltas += talk.stop(choice)
    if counted := read_count(event.usage):
        deltas.append(counted)
    return deltas


class _Talk:
    """One choice on its way."""

    __slots__ = ("_calls", "_choice", "_count", "_details", "_is_stopped", "_latest")

    def __init__(self, choice: int) -> None:
        self._choice = choice
        self._calls: dict[int, _Calling] = {}
        self._count = 0
        self._latest = 0
        self._details: list[dict[str, Any]] = []
        self._is_stopped = False

    def read(self, said: _Said | None) -> Iterator[Delta]:
        if said is None:
            return
        choice = self._choice
        if thought := said.reasoning_content or said.reasoning:
            yield Thought(thought, choice)
        if said.reasoning_details:
            self._details += said.reasoning_details
        if said.content:
            yield from self._content(said.content)
        if said.refusal:
            yield Declined(said.refusal, choice)
        for each in said.annotations or ():
            if found := each.url_citation:
                yield Cited(
                    Citation(found.url, found.title, start=found.start_index, end=found.end_index),
                    choice,
                )
        for number, call in enumerate(said.tool_calls or ()):
            yield from self._call(call, number)
        if said.function_call:
            yield from self._call(_Call(0, None, said.function_call), 0)

    def stop(self, choice: _Choice) -> Iterator[Delta]:
        if self._is_stopped:
            return
        self._is_stopped = True
        if self._details:
            state = openai_state.theirs(openai_state.merged(self._details))
            yield Sealed(state, self._choice)
        stop, sequence = STOPS.get(choice.finish_reason or "", Stop.END), None
        if stop is Stop.END and self._calls:
            stop = Stop.TOOLS
        elif stop is Stop.END and isinstance(choice.stop_reason, str):
            stop, sequence = Stop.SEQUENCE, choice.stop_reason
        yield Stopped(stop, sequence, self._choice)

    def _content(self, content: str | list[_Part]) -> Iterator[Delta]:
        if isinstance(content, str):
            yield Said(content, self._choice)
            return
        for part in content:
            if thought := _thought(part.thinking):
                yield Thought(thought, self._choice)
            if part.text:
                yield Said(part.text, self._choice)

    def _call(self, call: _Call, number: int) -> Iterator[Delta]:
        if call.custom is not None:
            raise UpstreamBroke(private="a tool is called that is no function")
        calling = self._calling(call, number)
        function = call.function or _Function()
        calling.id = calling.id or call.id or ""
        arguments = function.arguments or ""
        if isinstance(arguments, dict):
            arguments = msgspec.json.encode(arguments).decode()
        if not calling.is_named and not function.name:
            calling.kept += arguments
            return
        if not calling.is_named:
            calling.is_named = True
            yield Called(calling.index, calling.id, function.name or "", self._choice)
            arguments = calling.kept + arguments
        if arguments:
            yield Argued(calling.index, arguments, self._choice)

    def _calling(self, call: _Call, number: int) -> _Calling:
        """A new one at a place that is taken has a name and an id of its own."""
        is_new = bool(call.id and call.function and call.function.name)
        if call.index is not None:
            place = call.index
        else:
            place = len(self._calls) if is_new else max(len(self._calls) - 1, number)
        there = self._calls.get(place)
        if there is None or (is_new and there.is_named and there.id != call.id):
            there = self._calls[place] = _Calling(self._count)
            self._count += 1
        return there


class _Calling:
    __slots__ = ("id", "index", "is_named", "kept")

    def __init__(self, index: int) -> None:
        self.index = index
        self.id = ""
        self.is_named = False
        self.kept = ""


def _began(event: _Event) -> Began:
    return Began(event.id or "", int(event.created or 0))


def _thought(thinking: str | list[_Part] | None) -> str:
    if isinstance(thinking, list):
        return "".join(part.text or "" for part in thinking)
    return thinking or ""

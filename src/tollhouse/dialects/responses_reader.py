"""What OpenAI Responses answers, in pieces that belong to no dialect.

Servers of its form send pieces, or only what is complete: each text and each argument is read once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from msgspec import Raw, Struct

from tollhouse.dialects.openai_events import NOTHING, is_given
from tollhouse.dialects.responses_events import BEGINNINGS, ENDINGS, FAILED
from tollhouse.dialects.responses_problems import failure_within
from tollhouse.dialects.responses_state import DIALECT
from tollhouse.dialects.responses_usage import read_count
from tollhouse.domain.conversation import Citation, State
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

THOUGHTS = ("response.reasoning_summary_text.delta", "response.reasoning_text.delta")


class _Annotation(Struct, gc=False):
    type: str = ""
    url: str | None = None
    title: str | None = None
    start_index: int | None = None
    end_index: int | None = None


class _Part(Struct, gc=False):
    type: str = ""
    text: str | None = None
    refusal: str | None = None
    annotations: list[_Annotation] | None = None


class _Item(Struct, gc=False):
    type: str = ""
    id: str | None = None
    call_id: str | None = None
    name: str | None = None
    arguments: str | None = None
    content: list[_Part] | None = None
    summary: list[_Part] | None = None
    encrypted_content: str | None = None


class _Why(Struct, gc=False):
    reason: str | None = None


class _Response(Struct, gc=False):
    id: str | None = None
    created_at: float | None = None
    status: str | None = None
    error: Raw = NOTHING
    usage: Raw = NOTHING
    output: list[_Item] | None = None
    incomplete_details: _Why | None = None


class _Event(Struct, gc=False):
    type: str = ""
    output_index: int = 0
    summary_index: int = 0
    delta: Any = None
    response: _Response | None = None
    item: _Item | None = None
    annotation: _Annotation | None = None
    error: Raw = NOTHING


_decode = msgspec.json.Decoder(_Event).decode
_decode_response = msgspec.json.Decoder(_Response).decode


class ResponseMeaning:
    """Implements Meaning for the events of a stream."""

    def __init__(self) -> None:
        self.is_finished = False
        self.is_over = False
        self._answer = _Answer()
        self._has_begun = False

    def read(self, frame: bytes) -> Sequence[Delta]:
        return [*self._meant(_read(frame))]

    def _meant(self, event: _Event) -> Iterator[Delta]:
        kind, answer = event.type, self._answer
        if kind == "response.output_text.delta":
            yield from answer.said(event.output_index, _text(event))
        elif kind == "response.function_call_arguments.delta":
            yield from answer.argued(event.output_index, _text(event))
        elif kind in THOUGHTS:
            yield from answer.thought(event.output_index, _text(event))
        elif kind == "response.reasoning_summary_part.added" and event.summary_index:
            yield from answer.thought(event.output_index, "\n\n")
        elif kind == "response.refusal.delta":
            yield from answer.declined(event.output_index, _text(event))
        elif kind == "response.output_text.annotation.added" and event.annotation:
            yield from answer.cited(event.output_index, event.annotation)
        elif kind == "response.output_item.added" and event.item:
            yield from answer.opened(event.output_index, event.item)
        elif kind == "response.output_item.done" and event.item:
            yield from answer.closed(event.output_index, event.item)
        elif event.response is not None:
            yield from self._lived(kind, event.response)

    def _lived(self, kind: str, response: _Response) -> Iterator[Delta]:
        if kind in BEGINNINGS and not self._has_begun:
            self._has_begun = True
            yield _began(response)
        elif kind in ENDINGS:
            self.is_finished = self.is_over = True
            yield from self._answer.ended(response)


def read_whole(body: bytes) -> Sequence[Delta]:
    try:
        response = _decode_response(body)
    except (ValueError, RecursionError):
        raise UpstreamBroke(private="what should be a response is none") from None
    if is_given(response.error) or response.status == "failed":
        raise failure_within(body, "within the answer")
    if response.output is None or response.status not in (None, "completed", "incomplete"):
        raise UpstreamBroke(private="the answer has no output")
    return [_began(response), *_Answer().ended(response)]


class _Answer:
    """What of each item was told before, by its place."""

    __slots__ = ("_calls", "_closed", "_told")

    def __init__(self) -> None:
        self._calls: set[int] = set()
        self._told: set[tuple[int, str]] = set()
        self._closed: set[int] = set()

    def said(self, place: int, text: str) -> Iterator[Delta]:
        self._told.add((place, "text"))
        yield Said(text)

    def declined(self, place: int, text: str) -> Iterator[Delta]:
        self._told.add((place, "refusal"))
        yield Declined(text)

    def thought(self, place: int, text: str) -> Iterator[Delta]:
        self._told.add((place, "thought"))
        yield Thought(text)

    def cited(self, place: int, annotation: _Annotation) -> Iterator[Delta]:
        """Pages alone: files are the provider's."""
        self._told.add((place, "annotations"))
        if annotation.type == "url_citation":
            yield Cited(
                Citation(
                    annotation.url,
                    annotation.title,
                    start=annotation.start_index,
                    end=annotation.end_index,
                )
            )

    def argued(self, place: int, text: str) -> Iterator[Delta]:
        self._told.add((place, "arguments"))
        yield Argued(place, text)

    def opened(self, place: int, item: _Item) -> Iterator[Delta]:
        if item.type == "function_call":
            if place not in self._calls:
                self._calls.add(place)
                yield Called(place, item.call_id or item.id or "", item.name or "")
        elif item.type not in ("message", "reasoning"):
            raise UpstreamBroke(private="an item came of a tool that was not offered")

    def closed(self, place: int, item: _Item) -> Iterator[Delta]:
        """What is complete here, and came in no piece before."""
        if place in self._closed:
            return
        self._closed.add(place)
        yield from self.opened(place, item)
        match item.type:
            case "function_call":
                if item.arguments and (place, "arguments") not in self._told:
                    yield from self.argued(place, item.arguments)
            case "reasoning":
                yield from self._reasoned(place, item)
            case _:
                yield from self._messaged(place, item)

    def ended(self, response: _Response) -> Iterator[Delta]:
        for place, item in enumerate(response.output or ()):
            yield from self.closed(place, item)
        if counted := read_count(response.usage):
            yield counted
        yield Stopped(self._why(response))

    def _why(self, response: _Response) -> Stop:
        if response.incomplete_details or response.status == "incomplete":
            why = response.incomplete_details.reason if response.incomplete_details else None
            return Stop.FILTERED if why == "content_filter" else Stop.LENGTH
        return Stop.TOOLS if self._calls else Stop.END

    def _reasoned(self, place: int, item: _Item) -> Iterator[Delta]:
        if (place, "thought") not in self._told:
            texts = [part.text or "" for part in item.content or item.summary or ()]
            if text := "\n\n".join(texts):
                yield Thought(text)
        if item.encrypted_content:
            yield Sealed(State(DIALECT, {"encrypted_content": item.encrypted_content}))

    def _messaged(self, place: int, item: _Item) -> Iterator[Delta]:
        for part in item.content or ():
            if part.text and (place, "text") not in self._told:
                yield Said(part.text)
            if part.refusal and (place, "refusal") not in self._told:
                yield Declined(part.refusal)
            for annotation in part.annotations or ():
                if (place, "annotations") not in self._told:
                    yield from _Answer().cited(place, annotation)


def _read(frame: bytes) -> _Event:
    """Raises a Failure on an error and on what is not of OpenAI's form."""
    try:
        event = _decode(frame)
    except (ValueError, RecursionError):
        raise UpstreamBroke(private="what should be an event is none") from None
    if event.type in (FAILED, "error") or is_given(event.error):
        raise failure_within(frame, "within the answer")
    if event.response is None and (event.type in BEGINNINGS or event.type in ENDINGS):
        raise UpstreamBroke(private="an event has no response")
    return event


def _began(response: _Response) -> Began:
    return Began(response.id or "", int(response.created_at or 0))


def _text(event: _Event) -> str:
    if not isinstance(event.delta, str):
        raise UpstreamBroke(private="a piece of text is none")
    return event.delta

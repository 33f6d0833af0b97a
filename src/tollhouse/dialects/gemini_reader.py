"""What Gemini answers, in pieces that belong to no dialect.

Each event of a stream is an answer of the same form, with what is new in it. A stream ends where its
connection does: that all was said shows in the reason of each candidate.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec
from msgspec import Raw, Struct

from tollhouse.dialects import gemini_state
from tollhouse.dialects.gemini_problems import kind_of
from tollhouse.dialects.gemini_usage import read_count
from tollhouse.dialects.openai_events import NOTHING, is_given, text_of
from tollhouse.dialects.reading import found_in
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
from tollhouse.domain.errors import UpstreamBroke

STOPS = {
    "STOP": Stop.END,
    "MAX_TOKENS": Stop.LENGTH,
    "SAFETY": Stop.FILTERED,
    "RECITATION": Stop.FILTERED,
    "LANGUAGE": Stop.FILTERED,
    "BLOCKLIST": Stop.FILTERED,
    "PROHIBITED_CONTENT": Stop.FILTERED,
    "SPII": Stop.FILTERED,
    "MODEL_ARMOR": Stop.FILTERED,
    "IMAGE_SAFETY": Stop.FILTERED,
    "IMAGE_PROHIBITED_CONTENT": Stop.FILTERED,
    "IMAGE_RECITATION": Stop.FILTERED,
}
BROKEN = frozenset(
    {
        *("MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "TOO_MANY_TOOL_CALLS"),
        *("MALFORMED_RESPONSE", "MISSING_THOUGHT_SIGNATURE"),
    }
)
"""The model wrote what is no answer: to end as if it were one would leave a client waiting for a call."""


class _Call(Struct, gc=False):
    id: str | None = None
    name: str | None = None
    args: Raw = NOTHING


class _Part(Struct, gc=False, rename="camel"):
    text: str | None = None
    thought: bool | None = None
    thought_signature: str | None = None
    function_call: _Call | None = None
    inline_data: Raw = NOTHING
    file_data: Raw = NOTHING


class _Content(Struct, gc=False):
    parts: list[_Part] | None = None


class _Source(Struct, gc=False, rename="camel"):
    uri: str | None = None
    title: str | None = None
    start_index: int | None = None
    end_index: int | None = None


class _Sources(Struct, gc=False, rename="camel"):
    """Gemini's API and Vertex name the list differently."""

    citation_sources: list[_Source] | None = None
    citations: list[_Source] | None = None


class _Candidate(Struct, gc=False, rename="camel"):
    index: int = 0
    content: _Content | None = None
    finish_reason: str | None = None
    citation_metadata: _Sources | None = None


class _Feedback(Struct, gc=False, rename="camel"):
    block_reason: str | None = None


class _Answer(Struct, gc=False, rename="camel"):
    response_id: str | None = None
    candidates: list[_Candidate] | None = None
    prompt_feedback: _Feedback | None = None
    usage_metadata: Raw = NOTHING
    error: Raw = NOTHING

    @property
    def is_blocked(self) -> bool:
        return self.prompt_feedback is not None and bool(self.prompt_feedback.block_reason)


_decode = msgspec.json.Decoder(_Answer).decode


class ContentMeaning:
    """Implements Meaning for the events of a stream."""

    def __init__(self) -> None:
        self.is_finished = False
        self.is_over = False
        self._has_begun = False
        self._is_blocked = False
        self._talks: dict[int, _Talk] = {}

    def read(self, frame: bytes) -> Sequence[Delta]:
        deltas = list(self._read(found_in(frame, _decode, kind_of)))
        talks = self._talks.values()
        self.is_finished = self._is_blocked or (
            bool(talks) and all(talk.is_stopped for talk in talks)
        )
        return deltas

    def _read(self, answer: _Answer) -> Iterator[Delta]:
        if not self._has_begun:
            self._has_begun = True
            yield Began(answer.response_id or "")
        if answer.is_blocked and not self._is_blocked:
            self._is_blocked = True
            yield Stopped(Stop.FILTERED)
        for candidate in answer.candidates or ():
            index = candidate.index
            if index not in self._talks:
                self._talks[index] = _Talk(index)
            yield from self._talks[index].read(candidate)
        if counted := read_count(answer.usage_metadata):
            yield counted


def read_whole(body: bytes) -> Sequence[Delta]:
    meaning = ContentMeaning()
    deltas = meaning.read(body)
    if not meaning.is_finished:
        raise UpstreamBroke(private="the answer has no candidate that has ended")
    return deltas


class _Talk:
    """One candidate on its way.

    A signature of words is passed on behind the thoughts that were shown, and nowhere else: Google would
    like to have it back and does not insist, and clients expect words to be the first or the last.
    """

    __slots__ = ("_calls", "_choice", "_words_may_be_sealed", "is_stopped")

    def __init__(self, choice: int) -> None:
        self.is_stopped = False
        self._choice = choice
        self._calls = 0
        self._words_may_be_sealed = False

    def read(self, candidate: _Candidate) -> Iterator[Delta]:
        for part in (candidate.content and candidate.content.parts) or ():
            yield from self._part(part)
        if found := candidate.citation_metadata:
            for source in found.citation_sources or found.citations or ():
                yield self._cited(source)
        if reason := candidate.finish_reason:
            yield from self._stop(reason)

    def _part(self, part: _Part) -> Iterator[Delta]:
        if is_given(part.inline_data) or is_given(part.file_data):
            raise UpstreamBroke(private="the answer has a part that is neither words nor a call")
        signature = part.thought_signature
        if part.function_call is not None:
            yield from self._call(part.function_call, signature)
            return
        if signature and self._words_may_be_sealed:
            self._words_may_be_sealed = False
            yield Sealed(gemini_state.of_words(signature), self._choice)
        if part.text and part.thought:
            self._words_may_be_sealed = True
            yield Thought(part.text, self._choice)
        elif part.text:
            self._words_may_be_sealed = False
            yield Said(part.text, self._choice)

    def _call(self, call: _Call, signature: str | None) -> Iterator[Delta]:
        """It comes whole."""
        index, choice = self._calls, self._choice
        self._calls += 1
        if signature:
            yield Sealed(gemini_state.of_call(signature, index), choice)
        yield Called(index, call.id or "", call.name or "", choice)
        arguments = msgspec.json.format(call.args, indent=-1) if is_given(call.args) else b"{}"
        yield Argued(index, text_of(arguments), choice)

    def _cited(self, source: _Source) -> Cited:
        found = Citation(source.uri, source.title, start=source.start_index, end=source.end_index)
        return Cited(found, self._choice)

    def _stop(self, reason: str) -> Iterator[Delta]:
        if reason in BROKEN:
            raise UpstreamBroke(private=f"the answer ended with {reason}")
        if self.is_stopped:
            return
        self.is_stopped = True
        stop = STOPS.get(reason, Stop.END)
        if stop is Stop.END and self._calls:
            stop = Stop.TOOLS
        yield Stopped(stop, choice=self._choice)

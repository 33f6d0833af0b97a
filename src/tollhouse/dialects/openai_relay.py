"""An OpenAI answer on its way through: what is an answer passes as it came, and nothing else does.

An upstream is not trusted. Out of a stream come events of one `data:` line with one JSON object
that has choices, and the end; fields, comments and other objects stay behind. An error is told in
our words, what is not JSON ends the stream, and a false end is not passed on. Usage is always
asked of the upstream, so what the caller did not ask for is taken out again. The model bears the
name that it was asked by.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec import UNSET

from tollhouse.dialects import openai_tiers, sse, strict_json
from tollhouse.dialects.naming import AskedName
from tollhouse.dialects.openai_count import tokens_of
from tollhouse.dialects.openai_events import (
    NOTHING,
    Choice,
    Event,
    insist_on_declared,
    is_given,
    on_one_line,
    read_event,
    text_of,
)
from tollhouse.dialects.openai_problems import failure_of, kind_of
from tollhouse.dialects.openai_usage import read_usage
from tollhouse.dialects.sse_relay import SseRelay
from tollhouse.dialects.whole import Whole
from tollhouse.domain.counting import tokens_in
from tollhouse.domain.errors import UpstreamBroke

DONE = b"data: [DONE]\n\n"


class StreamRelay(SseRelay):
    """Implements Relay for `stream: true`."""

    def __init__(
        self,
        *,
        model: str,
        shows_usage: bool,
        choices: int,
        tools: frozenset[str],
        reads_tier: bool = False,
    ) -> None:
        super().__init__()
        self.tier: str | None = None
        self._reads_tier = reads_tier
        self._model = model
        self._name = AskedName(model)
        self._shows_usage = shows_usage
        self._choices = choices
        self._tools = tools

    def _pass_event(self, event: bytes) -> bytes:
        """The event on one line; nothing if it is none that a caller should see."""
        if event[:7] == b"data: {" and sse.LF not in event:
            data = event[6:]
        else:
            data = sse.data_of(event).replace(b"\n", b" ").strip()
            if data == b"[DONE]":
                return self._end()
            if not data:
                return b""
        if not data.isascii():
            data = on_one_line(data)
        read = read_event(data)
        if is_given(read.error):
            raise failure_of(kind_of(data), "within the stream")
        if read.choices:
            self._look_at(read.choices)
        if read.model is not NOTHING:
            data = self._name.put(data, bytes(read.model))
        if read.usage is not NOTHING or read.choices is UNSET:
            data = self._take_usage(data, read)
        return b"data: " + data if data else b""

    def _look_at(self, choices: Sequence[Choice]) -> None:
        for choice in choices:
            if choice.finish_reason:
                self._is_finished = True
            delta = bytes(choice.delta)
            insist_on_declared(delta, self._tools)
            self._count.keep(delta)

    def _take_usage(self, data: bytes, read: Event) -> bytes:
        """Note the usage; what is left of the event for a caller who did not ask for any."""
        is_told = is_given(read.usage)
        if is_told:
            self.usage = read_usage(read.usage) or self.usage
            if self._reads_tier:
                self.tier = openai_tiers.told(data) or self.tier
        if read.choices is UNSET:  # whatever else such an object says is no part of an answer
            is_shown = is_told and self._shows_usage
            return b'{"choices":[],"usage":%b}' % bytes(read.usage) if is_shown else b""
        if self._shows_usage:
            return data
        return _without_usage(data) if read.choices or not is_told else b""

    def _ending(self) -> bytes:
        return DONE

    def _end(self) -> bytes:
        self.is_over = True
        end = DONE.rstrip()
        return end if self._is_finished else self._finish_chunk() + end

    def _finish_chunk(self) -> bytes:
        """For upstreams that end without a reason: clients wait for one."""
        choices = [
            {"index": index, "delta": {}, "finish_reason": "stop"} for index in range(self._choices)
        ]
        chunk = {
            "id": "",
            "object": "chat.completion.chunk",
            "created": 0,
            "model": self._model,
            "choices": choices,
        }
        return b"data: " + msgspec.json.encode(chunk) + b"\n\n"


class WholeRelay(Whole):
    """Implements Relay for an answer in one piece, which passes as it came."""

    def __init__(self, *, model: str, tools: frozenset[str], reads_tier: bool = False) -> None:
        super().__init__()
        self.tier: str | None = None
        self._reads_tier = reads_tier
        self._name = AskedName(model)
        self._tools = tools

    def finish(self) -> bytes:
        body = bytes(self._body)
        text_of(body)
        read = read_event(body)
        if is_given(read.error):
            raise failure_of(kind_of(body), "with status 200")
        if not isinstance(read.choices, list):
            raise UpstreamBroke(private="the answer has no choices")
        if is_given(read.usage):
            self.usage = read_usage(read.usage)
        if self._reads_tier:
            self.tier = openai_tiers.told(body)
        for choice in read.choices:
            self._look_at(choice)
        return body if read.model is NOTHING else self._name.put(body, bytes(read.model))

    def counted_output(self) -> int:
        try:
            choices = read_event(bytes(self._body)).choices or ()
        except UpstreamBroke:
            return tokens_in(len(self._body))
        return tokens_of([self._produced(choice) for choice in choices])

    def _look_at(self, choice: Choice) -> None:
        """Raises UpstreamBroke on what no caller should get."""
        insist_on_declared(bytes(choice.message), self._tools)

    def _produced(self, choice: Choice) -> bytes:
        return bytes(choice.message)


def _without_usage(data: bytes) -> bytes:
    if data.endswith(b',"usage":null}'):
        return data[:-14] + b"}"
    if data.count(b'"usage"') == data.count(b',"usage":null') == 1:
        return data.replace(b',"usage":null', b"")
    parts = strict_json.members(data)
    del parts["usage"]
    return strict_json.join(parts)

"""What was heard, on its way to the caller: as JSON, as text, or in events.

The same guards as on every other answer: only known events pass, an error is told in our words,
an end that was not seen is not made up.
"""

from __future__ import annotations

from math import ceil

import msgspec
from msgspec import Raw, Struct

from tollhouse.dialects import sse
from tollhouse.dialects.naming import AskedName
from tollhouse.dialects.openai_events import (
    NOTHING,
    Choice,
    insist_on_declared,
    is_given,
    on_one_line,
    read_event,
    text_of,
)
from tollhouse.dialects.openai_problems import kind_of
from tollhouse.dialects.openai_usage import MOST_TOKENS
from tollhouse.dialects.openai_whole import WholeAnswer, decoder
from tollhouse.dialects.sse_relay import SseRelay
from tollhouse.domain.counting import tokens_in
from tollhouse.domain.errors import UpstreamBroke, UpstreamFailed
from tollhouse.domain.models import Ask
from tollhouse.domain.pricing import Kinds, Usage

DONE = "transcript.text.done"
LAST = b"[DONE]"
NO_TOOLS: frozenset[str] = frozenset()
SAYING = ("transcript.text.delta", "transcript.text.segment")


class HeardWhole(WholeAnswer):
    """Implements Relay for the formats that are JSON."""

    def __init__(self, ask: Ask) -> None:
        super().__init__(ask.model, lambda body: _read(body, ask))

    def counted_output(self) -> int:
        return 0 if self.usage else tokens_in(len(self._body))


class HeardText(WholeAnswer):
    """Implements Relay for the formats in which nobody tells any usage. Silence is an answer too."""

    def __init__(self, ask: Ask) -> None:
        super().__init__(ask.model, lambda _: None)

    def finish(self) -> bytes:
        body = bytes(self._body)
        text_of(body)
        if body[:1] == b"{" and (kind := _error_kind(body)) is not None:
            raise UpstreamFailed(private=f"an error with status 200{kind}")
        return body

    def counted_output(self) -> int:
        return tokens_in(len(self._body))


class HeardEvents(SseRelay):
    """Implements Relay for `stream: true`: in OpenAI's events, or in vLLM's chunks, which end in `[DONE]`."""

    def __init__(self, ask: Ask) -> None:
        super().__init__()
        self._ask = ask
        self._name = AskedName(ask.model)
        self._has_stopped = False

    def counted_output(self) -> int:
        return 0 if self.usage else super().counted_output()

    def _pass_event(self, event: bytes) -> bytes:
        data = sse.data_of(event).replace(b"\n", b" ").strip()
        if not data:
            return b""
        if data == LAST:
            self.is_over = self._has_stopped
            return b"data: " + LAST if self.is_over else b""
        data = on_one_line(data)
        heard = _event(data)
        if is_given(heard.error) or heard.type == "error":
            raise UpstreamFailed(private=f"an error within the stream{kind_of(data)}")
        if heard.choices is not None:
            return b"data: " + self._pass_chunk(data, heard)
        if heard.type == DONE:
            self.usage = _usage(heard.usage, None, self._ask)
            self.is_over = True
        elif heard.type in SAYING:
            self._count.keep(_said(heard))
        else:
            return b""
        return b"data: " + data

    def _pass_chunk(self, data: bytes, heard: _Event) -> bytes:
        """There is one stop for each stretch of the recording."""
        for choice in heard.choices or ():
            delta = bytes(choice.delta)
            insist_on_declared(delta, NO_TOOLS)
            self._count.keep(delta)
            self._has_stopped = self._has_stopped or choice.finish_reason is not None
        if is_given(heard.usage):
            self.usage = _usage(heard.usage, None, self._ask)
        return data if heard.model is NOTHING else self._name.put(data, bytes(heard.model))

    def _ending(self) -> bytes:
        return b""


class _Heard(Struct, gc=False):
    text: str
    duration: float | str | None = None
    usage: Raw = NOTHING


class _Event(Struct, gc=False):
    type: str = ""
    delta: Raw = NOTHING
    text: Raw = NOTHING
    usage: Raw = NOTHING
    error: Raw = NOTHING
    model: Raw = NOTHING
    choices: list[Choice] | None = None


class _Within(Struct, gc=False):
    audio_tokens: int | None = None


class _Used(Struct, gc=False):
    seconds: float | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    input_token_details: _Within | None = None

    @property
    def tokens(self) -> tuple[int | None, int | None]:
        if self.input_tokens is None:
            return self.prompt_tokens, self.completion_tokens
        return self.input_tokens, self.output_tokens


_decode = decoder(_Heard)
_event = decoder(_Event)
_used = msgspec.json.Decoder(_Used | None).decode


def _read(body: bytes, ask: Ask) -> Usage | None:
    found = _decode(body)
    return _usage(found.usage, found.duration, ask)


def _usage(raw: Raw, duration: float | str | None, ask: Ask) -> Usage | None:
    """By tokens or by seconds, whichever is told. With tokens the seconds are ours, for prices by the second."""
    try:
        used = _used(raw) or _Used()
    except (ValueError, RecursionError):
        used = _Used()
    counts = used.tokens
    if None not in counts:
        tokens = [min(max(count or 0, 0), MOST_TOKENS) for count in counts]
        own = ask.likely.seconds if ask.likely else 0
        within = used.input_token_details
        told = within.audio_tokens if within else None
        heard = tokens[0] if told is None else min(max(told, 0), tokens[0])
        kinds = Kinds(audio_input=heard) if heard else None
        return Usage(input=tokens[0], output=tokens[1], seconds=own, kinds=kinds)
    seconds = used.seconds if used.seconds is not None else _number(duration)
    if seconds is None or not 0 <= seconds <= MOST_TOKENS:
        return None
    return Usage(seconds=ceil(seconds))


def _number(duration: float | str | None) -> float | None:
    """Some servers write it as text."""
    try:
        return None if duration is None else float(duration)
    except ValueError:
        return None


def _said(heard: _Event) -> bytes:
    piece = bytes(heard.delta if is_given(heard.delta) else heard.text)
    if piece[:1] != b'"':
        raise UpstreamBroke(private="a piece of what was heard is no text")
    return piece


def _error_kind(body: bytes) -> str | None:
    try:
        return kind_of(body) if is_given(read_event(body).error) else None
    except UpstreamBroke:
        return None  # words that begin with a brace

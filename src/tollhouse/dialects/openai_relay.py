"""An OpenAI answer on its way through: bytes pass, usage is noticed, a false end is not passed on.

Usage is always asked of the upstream, so what the caller did not ask for is taken out again.
The tests on raw bytes are exact: within a JSON string a quote is always escaped, so a name
in plain quotes that is followed by a colon can only be a member.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from tollhouse.dialects import sse, strict_json
from tollhouse.dialects.openai_count import OutputCount, tokens_of_completion
from tollhouse.dialects.openai_problems import kind_of
from tollhouse.dialects.openai_usage import read_usage
from tollhouse.domain.errors import Failure, UpstreamBroke, UpstreamFailed
from tollhouse.domain.pricing import Usage

DONE = b"data: [DONE]\n\n"

_finishes = re.compile(rb'"finish_reason"\s*:\s*"').search


class StreamRelay:
    """Implements Relay for `stream: true`."""

    def __init__(self, *, shows_usage: bool, choices: int) -> None:
        self.usage: Usage | None = None
        self.failure: Failure | None = None
        self._shows_usage = shows_usage
        self._choices = choices
        self._buffer = sse.EventBuffer()
        self._count = OutputCount()
        self._is_finished = False
        self._is_done = False

    def feed(self, chunk: bytes) -> bytes:
        block = self._buffer.push(chunk)
        if not block or self._is_done or self.failure is not None:
            return b""
        return self._pass(block)

    def finish(self) -> bytes:
        """What is still owed to the caller: never an end that only looks like one."""
        if self._is_done:
            return b""
        passed = self._pass_rest(self._buffer.drain())
        if self.failure is not None:
            raise self.failure
        if self._is_done:
            return passed
        if not self._is_finished:
            raise UpstreamBroke(private="the stream ended without a finish_reason")
        return passed + DONE

    def counted_output(self) -> int:
        self._count.keep(self._buffer.drain())  # its blank line may be all that is missing
        return self._count.tokens()

    def _pass_rest(self, rest: bytes) -> bytes:
        """An event without its blank line is one; a torn one is none, and no harm after the finish."""
        if self.failure is not None or not sse.data_of(rest):
            return b""
        was_finished = self._is_finished
        passed = self._pass(rest, is_last=True)
        if was_finished and isinstance(self.failure, UpstreamBroke):
            self.failure = None
        return passed

    def _pass(self, block: bytes, *, is_last: bool = False) -> bytes:
        if not self._shows_usage:
            block = block.replace(b',"usage":null', b"")
        self._count.keep(block)
        if not self._is_finished and _finishes(block):
            self._is_finished = True
        if is_last or b'"usage"' in block or b'"error"' in block or b"[DONE]" in block:
            return b"".join(self._pass_events(block))
        return block

    def _pass_events(self, block: bytes) -> Iterator[bytes]:
        """What came before a failure in the same block has come, and is passed on."""
        try:
            for event in sse.events(block):
                yield self._pass_event(event)
        except (UpstreamFailed, UpstreamBroke) as failure:
            self.failure = failure

    def _pass_event(self, event: bytes) -> bytes:
        data = sse.data_of(event)
        if self._is_done:
            return b""
        if data == b"[DONE]":
            self._is_done = True
            return (b"" if self._is_finished else self._finish_chunk()) + DONE
        if not data:
            return event + b"\n\n"
        parts = _members(data)
        if _is_given(parts.get("error")):
            raise UpstreamFailed(private=f"an error within the stream{kind_of(data)}")
        if _is_given(parts.get("usage")) and self._take_usage(parts):
            return b""
        return (
            event + b"\n\n" if "usage" not in parts or self._shows_usage else _without_usage(parts)
        )

    def _take_usage(self, parts: strict_json.Members) -> bool:
        """Note the usage; whether the event is to be hidden whole."""
        self.usage = read_usage(parts["usage"]) or self.usage
        return not self._shows_usage and bytes(parts.get("choices", b"[]")).strip() in (
            b"[]",
            b"null",
        )

    def _finish_chunk(self) -> bytes:
        """For upstreams that end without a reason: clients wait for one."""
        choices = [
            {"index": index, "delta": {}, "finish_reason": "stop"} for index in range(self._choices)
        ]
        chunk = {
            "id": "",
            "object": "chat.completion.chunk",
            "created": 0,
            "model": "",
            "choices": choices,
        }
        return b"data: " + msgspec.json.encode(chunk) + b"\n\n"


class WholeRelay:
    """Implements Relay for an answer in one piece: kept until it is whole, then passed as it came."""

    def __init__(self) -> None:
        self.usage: Usage | None = None
        self.failure: Failure | None = None
        self._pieces: list[bytes] = []

    def feed(self, chunk: bytes) -> bytes:
        self._pieces.append(chunk)
        return b""

    def finish(self) -> bytes:
        body = b"".join(self._pieces)
        parts = _members(body)
        if _is_given(parts.get("error")):
            raise UpstreamFailed(private=f"an error with status 200{kind_of(body)}")
        if "choices" not in parts:
            raise UpstreamBroke(private="the answer has no choices")
        if _is_given(parts.get("usage")):
            self.usage = read_usage(parts["usage"])
        return body

    def counted_output(self) -> int:
        return tokens_of_completion(b"".join(self._pieces))


def _members(data: bytes) -> strict_json.Members:
    try:
        return strict_json.members(data)
    except msgspec.MsgspecError:
        raise UpstreamBroke(private="what should be a JSON object is none") from None


def _is_given(raw: msgspec.Raw | None) -> bool:
    return raw is not None and bytes(raw) != b"null"


def _without_usage(parts: strict_json.Members) -> bytes:
    del parts["usage"]
    return b"data: " + strict_json.join(parts) + b"\n\n"

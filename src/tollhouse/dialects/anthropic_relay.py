"""An Anthropic answer on its way through: its events in their order, as they came, and nothing else.

An upstream is not trusted. Each event goes out under the name that its data bears, with one line of
data; what no client waits for stays behind. Blocks that were left open are shut, for clients wait
for that; an end without a reason gets one; an end that did not come is not made up.
"""

from __future__ import annotations

import msgspec

from tollhouse.dialects import sse
from tollhouse.dialects.anthropic_events import (
    Event,
    insist_on_declared,
    read_delta,
    read_event,
    read_message,
)
from tollhouse.dialects.anthropic_usage import Tally
from tollhouse.dialects.naming import AskedName
from tollhouse.dialects.openai_count import tokens_of
from tollhouse.dialects.openai_events import NOTHING, is_given, on_one_line, text_of
from tollhouse.dialects.openai_problems import failure_of, kind_of
from tollhouse.dialects.sse_relay import SseRelay
from tollhouse.dialects.whole import Whole
from tollhouse.domain.counting import tokens_in
from tollhouse.domain.errors import UpstreamBroke

PING = b'event: ping\ndata: {"type":"ping"}\n\n'
STOP = b'event: message_stop\ndata: {"type":"message_stop"}\n\n'
NAMES = frozenset(
    {
        *("message_start", "content_block_start", "content_block_delta", "content_block_stop"),
        *("message_delta", "message_stop", "ping"),
    }
)


class StreamRelay(SseRelay):
    """Implements Relay for `stream: true`."""

    def __init__(self, *, model: str, tools: frozenset[str]) -> None:
        super().__init__()
        self._name = AskedName(model)
        self._tools = tools
        self._tally = Tally()
        self._open: list[int] = []
        """Blocks that have begun and not ended."""

        self._has_begun = False
        self._has_thought = False
        self._calls = False

    def _pass_event(self, event: bytes) -> bytes:
        data = sse.data_of(event).replace(b"\n", b" ").strip()
        if not data:
            return b""
        if not data.isascii():
            data = on_one_line(data)
        read = read_event(data)
        if read.type == "error" or is_given(read.error):
            raise failure_of(kind_of(data), "within the stream")
        if read.type not in NAMES or not self._look_at(read):
            return b""
        if read.type == "message_start":
            data = self._renamed(data, bytes(read.message))
        named = b"event: %b\ndata: %b" % (read.type.encode(), data)
        return self._before(read) + named

    def _look_at(self, read: Event) -> bool:
        """Whether it belongs where it stands. Raises UpstreamBroke where no client could go on."""
        match read.type:
            case "message_start":
                self._begin(read)
            case "content_block_start":
                self._start(read)
            case "content_block_delta":
                self._grow(read)
            case "content_block_stop":
                if read.index not in self._open:
                    return False
                self._open.remove(read.index)
            case "message_delta":
                self._take(read)
        return True

    def _begin(self, read: Event) -> None:
        if self._has_begun:
            raise UpstreamBroke(private="the answer begins twice")
        self._has_begun = True
        message = read_message(read.message)
        insist_on_declared(message.content or (), self._tools)
        self._tally.take(message.usage, is_early=True)
        self.usage = self._tally.usage

    def _renamed(self, data: bytes, message: bytes) -> bytes:
        told = read_message(message).model
        if told is NOTHING:
            return data
        named = self._name.put(message, bytes(told))
        return data if named == message else data.replace(message, named, 1)

    def _start(self, read: Event) -> None:
        if not self._has_begun or read.index < 0 or read.index in self._open:
            raise UpstreamBroke(private="a block begins out of turn")
        self._calls = insist_on_declared((read.content_block,), self._tools) or self._calls
        self._open.append(read.index)
        self._has_thought = False
        self._count.keep(bytes(read.content_block))

    def _grow(self, read: Event) -> None:
        if read.index not in self._open:
            raise UpstreamBroke(private="a piece belongs to no block")
        delta = read_delta(read.delta)
        if delta.thinking:
            self._has_thought = True
        if delta.type != "signature_delta" or not self._has_thought:  # else it was counted before
            self._count.keep(bytes(read.delta))

    def _take(self, read: Event) -> None:
        if not self._has_begun:
            raise UpstreamBroke(private="the answer ends before it began")
        if read_delta(read.delta).stop_reason:
            self._is_finished = True
        self._tally.take(read.usage)
        self.usage = self._tally.usage

    def _before(self, read: Event) -> bytes:
        """What must have come before an end, and has not."""
        if read.type == "message_stop":
            if not self._has_begun:
                raise UpstreamBroke(private="the answer ends before it began")
            self.is_over = True
            return self._shut() + (b"" if self._is_finished else self._reason())
        return self._shut() if read.type == "message_delta" else b""

    def _ending(self) -> bytes:
        return self._shut() + STOP

    def _shut(self) -> bytes:
        shut = [
            b'event: content_block_stop\ndata: {"type":"content_block_stop","index":%d}\n\n' % index
            for index in self._open
        ]
        self._open.clear()
        return b"".join(shut)

    def _reason(self) -> bytes:
        """For upstreams that end without one: clients wait for it."""
        reason = "tool_use" if self._calls else "end_turn"
        delta = {
            "type": "message_delta",
            "delta": {"stop_reason": reason, "stop_sequence": None},
            "usage": {"output_tokens": self._count.tokens()},
        }
        return b"event: message_delta\ndata: " + msgspec.json.encode(delta) + b"\n\n"


class WholeRelay(Whole):
    """Implements Relay for an answer in one piece, which passes as it came."""

    def __init__(self, *, model: str, tools: frozenset[str]) -> None:
        super().__init__()
        self._name = AskedName(model)
        self._tools = tools

    def finish(self) -> bytes:
        body = bytes(self._body)
        text_of(body)
        read = read_message(body)
        if read.type == "error" or is_given(read.error):
            raise failure_of(kind_of(body), "with status 200")
        if read.type != "message" or read.content is None:
            raise UpstreamBroke(private="the answer has no content")
        tally = Tally()
        tally.take(read.usage)
        self.usage = tally.usage
        insist_on_declared(read.content, self._tools)
        return body if read.model is NOTHING else self._name.put(body, bytes(read.model))

    def counted_output(self) -> int:
        try:
            content = read_message(bytes(self._body)).content or ()
        except UpstreamBroke:
            return tokens_in(len(self._body))
        return tokens_of([bytes(block) for block in content])

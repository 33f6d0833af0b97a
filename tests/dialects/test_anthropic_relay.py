from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tollhouse.dialects.anthropic_relay import STOP, StreamRelay, WholeRelay
from tollhouse.dialects.sse import LONGEST_EVENT
from tollhouse.dialects.sse_relay import MOST_WITHOUT_AN_EVENT
from tollhouse.domain.errors import Failure, UpstreamBroke, UpstreamFailed
from tollhouse.domain.pricing import Usage

TOOLS = frozenset({"look", "browser"})


def _event(kind: str, **members: Any) -> bytes:
    data = json.dumps({"type": kind, **members}, separators=(",", ":"))
    return f"event: {kind}\ndata: {data}\n\n".encode()


def _start(**message: Any) -> bytes:
    usage = {"input_tokens": 9, "cache_read_input_tokens": 4, "output_tokens": 1}
    whole = {"id": "msg_1", "type": "message", "role": "assistant", "content": [], "usage": usage}
    return _event("message_start", message={**whole, **message})


def _block(index: int = 0, **block: Any) -> bytes:
    return _event(
        "content_block_start", index=index, content_block={"type": "text", "text": "", **block}
    )


def _text(text: str, index: int = 0) -> bytes:
    return _delta(index, type="text_delta", text=text)


def _delta(index: int = 0, **delta: Any) -> bytes:
    return _event("content_block_delta", index=index, delta=delta)


def _stop(index: int = 0) -> bytes:
    return _event("content_block_stop", index=index)


def _end(reason: str | None = "end_turn", **further: Any) -> bytes:
    return _event(
        "message_delta",
        delta={"stop_reason": reason, "stop_sequence": None},
        **{"usage": {"output_tokens": 2}, **further},
    )


PING = b'event: ping\ndata: {"type": "ping"}\n\n'
OPENED = _start() + PING + _block()
WORDS = OPENED + _text("hi") + _text(" you \u00e9") + _stop()
WHOLE = WORDS + _end() + STOP
USAGE = Usage(input=9, output=2, cache_read=4)
CALL = _block(1, type="tool_use", id="toolu_1", name="look", input={})

STREAMS = {
    "as Anthropic sends it": WHOLE,
    "a thought, its signature and a call": (
        _start()
        + _block(type="thinking", thinking="", signature="")
        + _delta(type="thinking_delta", thinking="hm")
        + _delta(type="signature_delta", signature="c2lnbmF0dXJl" * 9)
        + _stop()
        + CALL
        + _delta(1, type="input_json_delta", partial_json='{"a":')
        + _delta(1, type="input_json_delta", partial_json="1}")
        + _stop(1)
        + _end("tool_use")
        + STOP
    ),
    "comments between": b": x\n\n" + OPENED + b": x\n\n\n" + _text("hi") + _stop() + _end() + STOP,
    "without event lines": WHOLE.replace(b"event: ping\n", b"").replace(
        b"event: message_stop\n", b""
    ),
    "under another name": WHOLE.replace(b"event: content_block_delta", b"event: error"),
    "data on several lines": WHOLE.replace(b'","index"', b'",\ndata: "index"'),
    "no blank line at the end": WHOLE.rstrip(),
    "no message_stop": WORDS + _end(),
    "no reason": WORDS + STOP,
    "a block left open": OPENED + _text("hi") + _end() + STOP,
    "events nobody knows": OPENED + _event("news", x=1) + _text("hi") + _stop() + _end() + STOP,
    "after the end": WHOLE + _text("more") + _event("error", error={}),
    "an error": WORDS + _event("error", error={"type": "overloaded_error", "message": "no"}),
    "broken JSON": OPENED + b"event: content_block_delta\ndata: {\n\n" + _end(),
    "cut": OPENED + _text("hi")[:-5],
    "nothing": b"",
}


@dataclass
class Seen:
    out: bytes
    usage: Usage | None
    failure: type[Failure] | None
    counted: int


@pytest.mark.req("P-7", "P-8", "R-9")
@pytest.mark.parametrize("newline", [b"\n", b"\r\n", b"\r"])
@given(stream=st.sampled_from(sorted(STREAMS)), cuts=st.lists(st.integers(0, 2500), max_size=40))
@example(stream="as Anthropic sends it", cuts=list(range(2500)))
@example(stream="an error", cuts=list(range(2500)))
@example(stream="no message_stop", cuts=list(range(2500)))
def test_splitting_a_stream_at_any_byte_changes_nothing(
    stream: str, cuts: list[int], newline: bytes
) -> None:
    recorded = STREAMS[stream].replace(b"\n", newline)
    whole = _through([STREAMS[stream]])

    split = _through(_cut(recorded, cuts))

    assert split == whole


@pytest.mark.req("R-9", "P-13", "P-14")
@pytest.mark.parametrize("stream", ["as Anthropic sends it", "a thought, its signature and a call"])
def test_a_stream_passes_as_it_came(stream: str) -> None:
    seen = _through([STREAMS[stream]])

    assert (seen.out, seen.failure) == (STREAMS[stream], None)
    assert seen.usage == USAGE


@pytest.mark.req("R-9")
@pytest.mark.parametrize(
    "stream", ["comments between", "without event lines", "under another name", "no message_stop"]
)
def test_each_event_goes_out_under_the_name_that_its_data_bears(stream: str) -> None:
    seen = _through([STREAMS[stream]])

    for event in seen.out.rstrip(b"\n").split(b"\n\n"):
        name, data = event.split(b"\n")
        assert json.loads(data.removeprefix(b"data: "))["type"] == name.decode()[len("event: ") :]
    assert seen.out.endswith(STOP)
    assert seen.usage == USAGE


@pytest.mark.req("R-19")
@pytest.mark.parametrize("told", ["claude-real", "\\u0063laude", "", None, 7])
def test_the_answer_bears_the_name_that_was_asked(told: Any) -> None:
    begun = _start(model=told, stop_sequence=None)
    recorded = begun + _block() + _text('"model":"x"') + _stop() + _end() + STOP

    seen = _through([recorded])

    assert seen.out == recorded.replace(begun, _start(model="claude", stop_sequence=None))


@pytest.mark.req("R-19")
def test_a_whole_answer_bears_the_name_that_was_asked() -> None:
    body = json.dumps({**ANSWER, "model": "claude-real"}, indent=1).encode()
    relay = WholeRelay(model="claude", tools=TOOLS)
    relay.feed(body)

    assert relay.finish() == body.replace(b"claude-real", b"claude")


@pytest.mark.req("R-10")
@pytest.mark.parametrize(
    "recorded", [b"", _start(), OPENED, WORDS, WORDS + b": bye\n\n", OPENED + _text("hi")[:-5]]
)
def test_a_stream_that_just_stops_is_no_end(recorded: bytes) -> None:
    seen = _through([recorded])

    assert seen.failure is UpstreamBroke
    assert b"message_stop" not in seen.out
    assert b"stop_reason" not in seen.out


@pytest.mark.req("P-29", "R-10")
def test_an_end_without_a_reason_gets_one() -> None:
    seen = _through([WORDS + STOP])
    calling = _through([_start() + CALL + _stop(1) + STOP])

    assert b'"stop_reason":"end_turn"' in seen.out
    assert b'"stop_reason":"tool_use"' in calling.out
    assert seen.out.endswith(STOP)
    assert seen.failure is None


@pytest.mark.req("P-29", "R-10")
def test_a_call_is_the_reason_though_words_follow_it() -> None:
    called = _start() + CALL + _stop(1) + _block(2) + _text("hi", 2) + _stop(2)

    assert b'"stop_reason":"tool_use"' in _through([called + STOP]).out


def test_a_beginning_needs_no_content() -> None:
    recorded = _start(content=None) + _block() + _stop() + _end() + STOP

    assert _through([recorded]).out == recorded


@pytest.mark.req("R-9")
def test_a_block_that_was_left_open_is_shut_before_the_end() -> None:
    seen = _through([OPENED + _text("hi") + _end() + STOP])

    assert seen.out == OPENED + _text("hi") + _stop() + _end() + STOP


@pytest.mark.req("R-10", "S-58")
@pytest.mark.parametrize(
    "error", [{"type": "overloaded_error", "message": "canary"}, "no", {}, 500]
)
def test_an_error_within_a_stream_ends_it_after_what_came_before(error: Any) -> None:
    seen = _through([WORDS + _event("error", error=error) + _end() + STOP])

    assert (seen.out, seen.failure) == (WORDS, UpstreamFailed)


@pytest.mark.req("S-71", "S-58")
@pytest.mark.parametrize(
    "foreign",
    [
        _event("content_block_delta", index=0, delta={"type": "text_delta"}, error="canary"),
        _event("error", message="canary"),
        _event("message_start", message={"error": {"message": "canary"}}),
        b"data: canary\n\n",
        b'data: {"type":"content_block_delta","index":0,"delta":{"x":"\0"}}\n\n',
        b'data: {"type":"content_block_delta","index":0,"delta":{"x":"\xff"}}\n\n',
        b'data: {"type":"ping","x":' + b"[" * 100_000 + b"\n\n",
        b'data: {"type":"ping","index":"0"}\n\n',
        _start(),
        _block(),
        _block(-1),
        _text("x", index=1),
        _delta(0, type=7),
        _event("message_delta", delta=7),
        _event("message_start"),
    ],
    ids=str,
)
def test_what_no_client_could_read_ends_the_stream(foreign: bytes) -> None:
    seen = _through([OPENED + _text("hi") + foreign + _stop() + _end() + STOP])

    assert seen.failure in (UpstreamBroke, UpstreamFailed)
    assert seen.out == OPENED + _text("hi")


@pytest.mark.req("S-71", "H-145")
@pytest.mark.parametrize(
    "foreign",
    [
        b"event: error\n\n",
        b"id: 7\nretry: 1\n\n",
        b": canary\n\n",
        b"da\0ta: canary\n\n",
        b'data: {"canary":1}\n\n',
        b'data: {"type":"canary"}\n\n',
        _stop(5),
    ],
    ids=str,
)
def test_what_no_client_waits_for_stays_behind(foreign: bytes) -> None:
    seen = _through([OPENED + foreign + _text("hi") + _stop() + _end() + STOP])

    assert seen.out == OPENED + _text("hi") + _stop() + _end() + STOP
    assert seen.failure is None


@pytest.mark.parametrize("early", [_block(), _text("x"), _end(), STOP])
def test_nothing_is_said_before_the_beginning(early: bytes) -> None:
    seen = _through([early + WHOLE])

    assert (seen.out, seen.failure) == (b"", UpstreamBroke)


@pytest.mark.req("S-71", "S-76")
@pytest.mark.parametrize(
    "call",
    [
        _block(1, type="tool_use", id="t", name="rm", input={}),
        _block(1, type="tool_use", id="t", input={}),
        _block(1, type="tool_use", id="t", name="click", toolset_name="computer", input={}),
        _block(1, type="tool_use", id="t", name="rm").replace(b"name", b"n\\u0061me"),
        _block(1, type="tool_use", id="t", name="rm").replace(b"tool_use", b"tool\\u005fuse"),
    ],
)
def test_a_tool_that_nobody_offered_is_not_called(call: bytes) -> None:
    seen = _through([OPENED + _text("hi") + _stop() + call + _stop(1) + _end() + STOP])

    assert seen.failure is UpstreamBroke
    assert seen.out == OPENED + _text("hi") + _stop()


@pytest.mark.req("S-71", "S-76")
def test_no_call_hides_in_the_beginning() -> None:
    hidden = _start(content=[{"type": "tool_use", "id": "t", "name": "rm", "input": {}}])

    assert _through([hidden + _block() + _stop() + _end() + STOP]).failure is UpstreamBroke


@pytest.mark.parametrize(
    "call",
    [
        CALL,
        _block(1, type="tool_use", id="t", name="click", toolset_name="browser", input={}),
        _block(1, type="server_tool_use", id="t", name="web_search", input={}),
    ],
)
def test_a_tool_that_was_offered_or_that_the_provider_runs_passes(call: bytes) -> None:
    recorded = _start() + call + _stop(1) + _end("tool_use") + STOP

    assert _through([recorded]).out == recorded


@pytest.mark.req("P-8", "B-5")
def test_a_stream_that_was_cut_is_owed_what_went_in_and_what_can_be_counted() -> None:
    relay = StreamRelay(model="claude", tools=TOOLS)

    relay.feed(OPENED + _text("nine char") + _text("xyz"))

    assert relay.usage == Usage(input=9, cache_read=4)
    assert relay.counted_output() == 4


@pytest.mark.req("P-8")
def test_a_signature_is_counted_only_for_a_thought_that_was_not_shown() -> None:
    shown, hidden = (
        StreamRelay(model="claude", tools=TOOLS),
        StreamRelay(model="claude", tools=TOOLS),
    )
    begun = _start() + _block(type="thinking", thinking="", signature="")
    signed = _delta(type="signature_delta", signature="s" * 300)

    shown.feed(begun + _delta(type="thinking_delta", thinking="hmm") + signed)
    hidden.feed(begun + signed)

    assert (shown.counted_output(), hidden.counted_output()) == (1, 100)


@pytest.mark.req("P-8")
def test_a_thought_that_was_shown_shows_none_of_the_next_block() -> None:
    relay = StreamRelay(model="claude", tools=TOOLS)
    thinking = {"type": "thinking", "thinking": "", "signature": ""}

    relay.feed(_start() + _block(**thinking) + _delta(type="thinking_delta", thinking="hmm"))
    relay.feed(_stop() + _block(1, **thinking))
    relay.feed(_delta(1, type="signature_delta", signature="s" * 300))

    assert relay.counted_output() == 101


@pytest.mark.req("P-8")
def test_what_a_block_begins_with_is_counted() -> None:
    relay = StreamRelay(model="claude", tools=TOOLS)

    relay.feed(_start() + _block(text="nine char"))

    assert relay.counted_output() == 3


@pytest.mark.req("S-71")
def test_an_event_without_end_is_not_kept_for_ever() -> None:
    relay = StreamRelay(model="claude", tools=TOOLS)

    for _ in range(LONGEST_EVENT // 65_536 - 1):
        assert relay.feed(b"data: ".ljust(65_536, b"x")) == b""

    with pytest.raises(UpstreamBroke):
        relay.feed(b"x" * 65_536 * 2)


@pytest.mark.req("S-71")
def test_signs_of_life_alone_are_no_answer() -> None:
    relay = StreamRelay(model="claude", tools=TOOLS)

    for _ in range(2 * MOST_WITHOUT_AN_EVENT // 65_536):
        relay.feed(b": x\n\n".rjust(65_536, b":"))

    assert isinstance(relay.failure, UpstreamBroke)


def test_a_line_ends_where_every_reader_ends_it() -> None:
    seen = _through([OPENED + _raw_text("a\u2028b\u0085c") + _stop() + _end() + STOP])

    assert len(seen.out.decode().splitlines()) == seen.out.count(b"\n")
    assert "\\u2028" in seen.out.decode()


ANSWER = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude",
    "content": [{"type": "text", "text": "hello"}, {"type": "tool_use", "id": "t", "name": "look", "input": {}}],
    "stop_reason": "tool_use",
    "usage": {"input_tokens": 9, "output_tokens": 2, "cache_read_input_tokens": 4},
}  # fmt: skip


@pytest.mark.req("P-13")
def test_a_whole_answer_passes_as_it_came() -> None:
    body = json.dumps(ANSWER, indent=1).encode()
    relay = WholeRelay(model="claude", tools=TOOLS)

    for byte in body:
        assert relay.feed(bytes([byte])) == b""

    assert relay.finish() == body
    assert relay.usage == USAGE


@pytest.mark.req("P-13", "R-19")
def test_a_whole_answer_that_names_no_model_gets_no_name() -> None:
    body = json.dumps({"type": "message", "content": []}).encode()
    relay = WholeRelay(model="claude", tools=TOOLS)
    relay.feed(body)

    assert relay.finish() == body


@pytest.mark.req("S-73", "S-76")
@pytest.mark.parametrize(
    ("body", "failure"),
    [
        (b"", UpstreamBroke),
        (b"<html>", UpstreamBroke),
        (b"[]", UpstreamBroke),
        (b'{"choices":[]}', UpstreamBroke),
        (b'{"type":"message"}', UpstreamBroke),
        (b'{"type":"message","content":7}', UpstreamBroke),
        (b'{"type":"message","content":[7]}', UpstreamBroke),
        (b'{"type":"message","content":[],"x":"\xff"}', UpstreamBroke),
        (b'{"type":"message","content":[],"x":' + b"[" * 100_000, UpstreamBroke),
        (b'{"type":"message","content":[{"type":"tool_use","name":"rm"}]}', UpstreamBroke),
        (b'{"type":"error","error":{"message":"canary"}}', UpstreamFailed),
        (b'{"type":"error","message":"canary"}', UpstreamFailed),
        (b'{"type":"completion","content":[]}', UpstreamBroke),
        (b'{"type":"message","content":[],"error":"canary"}', UpstreamFailed),
    ],
)
def test_an_answer_that_is_none_does_not_pass(body: bytes, failure: type[Failure]) -> None:
    relay = WholeRelay(model="claude", tools=TOOLS)
    relay.feed(body)

    with pytest.raises(failure):
        relay.finish()

    assert relay.counted_output() >= 0


def test_a_whole_answer_without_usage_is_counted() -> None:
    relay = WholeRelay(model="claude", tools=TOOLS)
    relay.feed(b'{"type":"message","content":[{"type":"text","text":"123456789"}]}')
    relay.finish()

    assert (relay.usage, relay.counted_output()) == (None, 3)


def _raw_text(text: str) -> bytes:
    data = {
        "type": "content_block_delta",
        "index": 0,
        "delta": {"type": "text_delta", "text": text},
    }
    return b"data: " + json.dumps(data, ensure_ascii=False).encode() + b"\n\n"


def _cut(recorded: bytes, cuts: list[int]) -> list[bytes]:
    places = sorted({0, *(min(cut, len(recorded)) for cut in cuts), len(recorded)})
    return [recorded[start:end] for start, end in pairwise(places)]


def _through(pieces: list[bytes]) -> Seen:
    relay = StreamRelay(model="claude", tools=TOOLS)
    out, failure = b"", None
    for piece in pieces:
        out += relay.feed(piece)
        if relay.failure is not None:
            return Seen(out, relay.usage, type(relay.failure), relay.counted_output())
        if relay.is_over:
            break
    try:
        out += relay.finish()
    except (UpstreamBroke, UpstreamFailed) as broken:
        failure = type(broken)
    return Seen(out, relay.usage, failure, relay.counted_output())

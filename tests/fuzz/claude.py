"""What a caller and an upstream of Anthropic's dialect send."""

from __future__ import annotations

import json
from collections.abc import Sequence

from fuzz.cutting import ways
from tollhouse.dialects.anthropic_messages import AnthropicMessages
from tollhouse.dialects.anthropic_relay import NAMES, StreamRelay, WholeRelay
from tollhouse.domain.deltas import Began, Delta, Stopped
from tollhouse.domain.errors import Failure, Refusal, UpstreamBroke, UpstreamFailed
from tollhouse.domain.models import Leg
from tollhouse.domain.snapshot import Target

CODEC = AnthropicMessages()
LEG = Leg(Target("up", "anthropic", "m-real"), None, 1, 7, 0)
TOOLS = frozenset({"look"})
WORDS = (
    *(b'"type"', b'"message_start"', b'"message"', b'"content_block_start"', b'"content_block"', b'"index"'),
    *(b'"content_block_delta"', b'"delta"', b'"text_delta"', b'"message_delta"', b'"stop_reason"', b'"message_stop"'),
    *(b'"tool_use"', b'"name"', b'"usage"', b'"error"', b'"thinking"', b'"signature"', b'"ping"'),
    *(b"event: ", b"data: ", b"\n\n"),
)  # fmt: skip
ASK_WORDS = (
    *(b'"max_tokens"', b'"messages"', b'"content"', b'"source"', b'"base64"', b'"tool_result"', b'"document"'),
    *(b'"image"', b'"thread"', b'"tools"', b'"cache_control"', b'"1h"', b'"system"', b'"thinking"', b'"output_config"'),
)  # fmt: skip


def _event(kind: bytes, members: bytes = b"") -> bytes:
    return b'event: %b\ndata: {"type":"%b"%b}\n\n' % (kind, kind, members)


BEGUN = _event(
    b"message_start",
    b',"message":{"id":"m","model":"x","content":[],"usage":{"input_tokens":3}}',
)
BLOCK = _event(b"content_block_start", b',"index":0,"content_block":{"type":"text","text":""}')
CALL = _event(
    b"content_block_start",
    b',"index":1,"content_block":{"type":"tool_use","id":"t","name":"look","input":{}}',
)
PIECE = _event(b"content_block_delta", b',"index":0,"delta":{"type":"text_delta","text":"hi"}')
SHUT = _event(b"content_block_stop", b',"index":0')
END = _event(b"message_delta", b',"delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":2}')
STOP = _event(b"message_stop")
STREAM_SEEDS = [
    BEGUN + b'event: ping\ndata: {"type": "ping"}\n\n' + BLOCK + PIECE + SHUT + END + STOP,
    (BEGUN + BLOCK + PIECE + END + STOP).replace(b"\n", b"\r\n"),
    BEGUN + CALL + STOP,
    BEGUN
    + BLOCK
    + PIECE
    + b'event: error\ndata: {"type":"error","error":{"type":"x","message":"y"}}\n\n',
    BEGUN + b": x\n\n" + BLOCK + SHUT + END,
    BEGUN + BLOCK.replace(b"text", b"thinking") + END.replace(b"end_turn", b"tool_use") + STOP,
]
WHOLE_SEEDS = [
    b'{"type":"message","model":"x","content":[{"type":"text","text":"hi"}],"stop_reason":"end_turn",'
    b'"usage":{"input_tokens":9,"output_tokens":2}}',
    b'{"type":"message","content":[{"type":"tool_use","id":"t","name":"look","input":{}},'
    b'{"type":"thinking","thinking":"x","signature":"y"}]}',
    b'{"type":"error","error":{"message":"x"}}',
    b'{"type":"message","content":[],"usage":{"input_tokens":1,'
    b'"cache_creation_input_tokens":3,"cache_creation":{"ephemeral_1h_input_tokens":9}}}',
]
ASK_SEEDS = [
    b'{"model":"m","max_tokens":5,"messages":[{"role":"user","content":"x"}]}',
    b'{"model":"m","max_tokens":5,"system":[{"type":"text","text":"x","cache_control":{"type":"ephemeral","ttl":"1h"}}],'
    b'"messages":[{"role":"user","content":[{"type":"image","source":{"type":"base64","media_type":"image/png","data":"AA"}},'
    b'{"type":"document","source":{"type":"text","data":"x"}}]},{"role":"assistant","content":[{"type":"thinking",'
    b'"thinking":"x","signature":"y"},{"type":"tool_use","id":"t","name":"look","input":{"a":1}}]},{"role":"user",'
    b'"content":[{"type":"tool_result","tool_use_id":"t","content":[{"type":"text","text":"x"}]}]}],"stream":true}',
    b'{"model":"m","max_tokens":0,"messages":[{"role":"user","content":[]}],"tools":[{"name":"look","input_schema":{}},'
    b'{"type":"web_search_20250305","name":"w"}],"tool_choice":{"type":"tool","name":"look"},"thinking":{"type":"adaptive"}}',
    b'{"model":"m","max_tokens":1,"messages":[{"role":"user","content":"x"}],"thread":{"type":"create"},"mcp_servers":[{}]}',
]  # fmt: skip


def anthropic_ask_target(data: bytes) -> None:
    """What leaves is what was judged; what can be put into another dialect can be put back into this one."""
    try:
        ask = CODEC.peek(data)
    except Refusal:
        return
    asked = json.loads(data)
    outgoing = CODEC.outgoing(data, ask, LEG)
    assert json.loads(outgoing) == {**asked, "model": "m-real", "max_tokens": 7}
    again = CODEC.peek(outgoing)
    assert (again.tools, again.images, again.documents) == (ask.tools, ask.images, ask.documents)
    assert again.unpriced_features == ask.unpriced_features
    assert 0 <= ask.input_bytes <= len(data)
    try:
        conversation = CODEC.decode(data)
    except Refusal:
        return
    said, _ = CODEC.encode(conversation, LEG)
    body = json.loads(said)
    assert (body["model"], body["max_tokens"]) == ("m-real", 7)
    assert CODEC.decode(said).is_stream == conversation.is_stream


def anthropic_stream_target(data: bytes) -> None:
    whole = _relayed([data])
    read = _read([data])
    for pieces in ways(data):
        assert _relayed(pieces) == whole
        assert _read(pieces) == read
    out, failure, counted = whole
    *events, rest = out.decode().split("\n\n")
    assert rest == ""
    assert len(out.decode().splitlines()) == 3 * len(events)
    names = []
    for event in events:
        name, line = event.split("\n")
        told = json.loads(line.removeprefix("data: "))
        names.append(told["type"])
        assert name == f"event: {told['type']}"
        assert told.get("error") is None
        block = told.get("content_block") or {}
        assert block.get("type") != "tool_use" or "look" in (
            block.get("name"),
            block.get("toolset_name"),
        )
    assert set(names) <= NAMES
    assert names.count("message_start") <= 1
    assert ("message_stop" in names[:-1]) is False
    assert (names[-1:] == ["message_stop"]) == (failure is None)
    assert counted >= 0


def anthropic_whole_target(data: bytes) -> None:
    relay = WholeRelay(model="m", tools=TOOLS)
    for piece in ways(data)[1]:
        assert relay.feed(piece) == b""
    assert relay.counted_output() >= 0
    try:
        passed = json.loads(relay.finish())
    except (UpstreamBroke, UpstreamFailed):
        return
    answer = json.loads(data)
    assert passed == {**answer, **({"model": "m"} if "model" in answer else {})}
    reader = CODEC.reader(is_stream=False)
    reader.feed(data)
    deltas = reader.finish()
    assert reader.failure is not None or isinstance(deltas[0], Began)


def _relayed(pieces: list[bytes]) -> tuple[bytes, type[Failure] | None, int]:
    relay = StreamRelay(model="m", tools=TOOLS)
    out, failure = b"", None
    for piece in pieces:
        out += relay.feed(piece)
        if relay.failure is not None:
            return out, type(relay.failure), relay.counted_output()
        if relay.is_over:
            break
    try:
        out += relay.finish()
    except (UpstreamBroke, UpstreamFailed) as broken:
        failure = type(broken)
    return out, failure, relay.counted_output()


def _read(pieces: list[bytes]) -> tuple[Sequence[Delta], type[Failure] | None]:
    """One beginning and one stop at most; nothing is said after a failure."""
    reader = CODEC.reader(is_stream=True)
    deltas: list[Delta] = []
    for piece in pieces:
        deltas += reader.feed(piece)
        if reader.failure is not None or reader.is_over:
            break
    else:
        deltas += reader.finish()
    assert sum(isinstance(delta, Stopped) for delta in deltas) <= 1
    return deltas, type(reader.failure) if reader.failure else None

"""What an upstream sends: however it comes in pieces it reads the same, and only an answer passes."""

from __future__ import annotations

import json
from dataclasses import dataclass

from fuzz.cutting import ways
from tollhouse.dialects.cleaning import LONGEST_MESSAGE
from tollhouse.dialects.openai_problems import kind_of, message_of
from tollhouse.dialects.openai_relay import StreamRelay, WholeRelay
from tollhouse.domain.errors import Failure, UpstreamBroke, UpstreamFailed
from tollhouse.domain.pricing import Usage
from tollhouse.upstream.response import MAX_HEAD_BYTES, MAX_HEADERS, Response

TOOLS = frozenset({"look"})
MOST_BODY = 200
CHUNK = b'data: {"choices":[{"index":0,"delta":{"content":"hi"},"finish_reason":null}]}\n\n'
END = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
USAGE = b'data: {"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":2}}\n\n'
DONE = b"data: [DONE]\n\n"

STREAM_SEEDS = [
    CHUNK + END + USAGE + DONE,
    (CHUNK + END + USAGE + DONE).replace(b"\n", b"\r\n"),
    (b": x\n\n" + CHUNK + END + DONE).replace(b"\n", b"\r"),
    CHUNK.replace(b"}]}", b'}],"usage":null}') + END + DONE,
    b"event: error\nid: 1\nretry: 2\n" + CHUNK + END + b": ping\n\n",
    CHUNK + b'data: {"error":{"message":"x","type":"t"}}\n\n' + END,
    b'data: {"choices":\ndata: []}\n\ndata:{"choices":[]}\n\ndata\n\n' + END + b"data: [DONE]",
    CHUNK.replace(b'{"choices"', b'{"model":"up","choices"') * 2 + END + DONE,
    b'data: {"choices":[{"delta":{"tool_calls":[{"function":{"name":"look"}}]}}]}\n\n' + END + DONE,
    b'data: {"choices":[{"delta":{"function_call":{"n\\u0061me":"rm"}}}],"\\u0065rror":null}\n\n',
    'data: {"choices":[{"delta":{"content":"\u2028\u0085\u8bed"}}]}\n\n'.encode() + END + DONE,
]
WHOLE_SEEDS = [
    b'{"choices":[{"message":{"role":"assistant","content":"hi"}}],"usage":{"prompt_tokens":9,"completion_tokens":2}}',
    b'{"choices":[{"message":{"tool_calls":[{"function":{"name":"look"}},{"custom":{"name":"x"}}]}}]}',
    b'{"error":{"message":"x"}}',
    b'{\n "model": "up", "choices":[{"message":{"content":"\\"model\\":\\"up\\""}}]}',
    b'{"\\u006dodel":"up","a":{"model":"up"},"choices":[]}',
    b'{"choices":[],"error":null,"usage":{"prompt_tokens":1,"completion_tokens":-1,"prompt_tokens_details":{"cached_tokens":7}}}',
]
ERROR_SEEDS = [
    b'{"error":{"message":"max_tokens is too large","type":"invalid_request_error","code":"x_y"}}',
    b'{"error":{"message":"key sk-abcDEF123456789 at https://api.example/x from 10.0.0.7:80 in /opt/a/b"}}',
    b'{"error":"gpu-7.ml.internal:8000 \\u202e\\u200b \\n ops@example.com org-a1B2c3D4e5 password=x"}',
    b'{"error":{"message":"Traceback (most recent call last): File \\"/x.py\\", line 3"}}',
]
RESPONSE_SEEDS = [
    b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi",
    b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2;x=y\r\nhi\r\n0\r\nt: 1\r\n\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\nx: 1\r\nX: 2\r\n\r\n",
    b"HTTP/1.0 200 OK\r\n\r\nto the end",
    b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nhi!",
    b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ncontent-length: 2\r\n\r\n0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
]


@dataclass
class Seen:
    out: bytes
    usage: Usage | None
    failure: type[Failure] | None
    counted: int


def sse_relay_target(data: bytes) -> None:
    for shows_usage in (False, True):
        whole = _relayed([data], shows_usage=shows_usage)
        for pieces in ways(data):
            assert _relayed(pieces, shows_usage=shows_usage) == whole
        _is_clean(whole)
        assert b'"usage"' not in whole.out or shows_usage or _says_it_within(whole.out)


def whole_answer_target(data: bytes) -> None:
    relay = WholeRelay(model="m", tools=TOOLS)
    for piece in ways(data)[1]:
        assert relay.feed(piece) == b""
    assert relay.counted_output() >= 0
    try:
        passed = relay.finish()
    except (UpstreamBroke, UpstreamFailed):
        return
    answer = json.loads(data)
    assert json.loads(passed) == ({**answer, "model": "m"} if "model" in answer else answer)
    assert passed == data or "model" in answer
    assert isinstance(answer["choices"], list)
    assert answer.get("error") is None
    assert relay.usage is None or min(_counts(relay.usage)) >= 0


def error_text_target(data: bytes) -> None:
    message, kind = message_of(data), kind_of(data)
    assert len(kind) < 140
    assert kind.isascii()
    if message is not None:
        assert len(message) <= LONGEST_MESSAGE
        assert message.isprintable()
        assert "://" not in message
        again = message_of(json.dumps({"error": message}).encode())
        assert again is not None


def upstream_response_target(data: bytes) -> None:
    whole = _answered([data])
    for pieces in ways(data):
        assert _answered(pieces) == whole
    failure, status, headers, body, is_complete = whole
    assert len(body) <= MOST_BODY
    assert len(headers) <= MAX_HEADERS
    assert sum(map(len, headers.values())) <= MAX_HEAD_BYTES + 2 * MAX_HEADERS
    assert all(name == name.lower() for name in headers)
    assert not any(b"\r" in value or b"\n" in value or b"\0" in value for value in headers.values())
    if failure is None and is_complete:
        assert 200 <= status <= 599


def _relayed(pieces: list[bytes], *, shows_usage: bool) -> Seen:
    relay = StreamRelay(model="m", shows_usage=shows_usage, choices=1, tools=TOOLS)
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


def _is_clean(seen: Seen) -> None:
    """One line of data an event for every reader, each a chunk without an error, and one end."""
    *events, rest = seen.out.decode().split("\n\n")
    assert rest == ""
    assert len(seen.out.decode().splitlines()) == 2 * len(events)
    assert all(event.startswith("data: ") for event in events)
    documents = [event.removeprefix("data: ") for event in events]
    if seen.failure is None:
        assert documents.pop() == "[DONE]"
    for document in documents:
        chunk = json.loads(document)
        assert chunk.get("error") is None
        assert "choices" in chunk
        for choice in chunk.get("choices") or ():
            assert not _called(choice.get("delta")) - TOOLS
    assert seen.usage is None or min(_counts(seen.usage)) >= 0
    assert seen.counted >= 0


def _called(delta: object) -> set[str]:
    if not isinstance(delta, dict):
        return set()
    named = [delta.get("function_call")]
    for call in delta.get("tool_calls") or ():
        named += (call.get("function"), call.get("custom"))
    return {each["name"] for each in named if each and each.get("name")}


def _says_it_within(out: bytes) -> bool:
    """The word may be a member of something else; at the top it must be gone."""
    documents = [line.removeprefix(b"data: ") for line in out.split(b"\n") if line]
    return not any("usage" in json.loads(each) for each in documents if each != b"[DONE]")


def _counts(usage: Usage) -> tuple[int, ...]:
    return usage.input, usage.output, usage.cache_read, usage.cache_write


def _answered(
    pieces: list[bytes],
) -> tuple[type[Failure] | None, int, dict[bytes, bytes], bytes, bool]:
    """What was read by the end; after a failure only that there was one."""
    response, body = Response(MOST_BODY), b""
    try:
        for piece in pieces:
            response.feed(piece)
            if response.is_complete:
                break
            body += response.take()
        body += response.take()
        response.end()
    except UpstreamBroke:
        return UpstreamBroke, 0, {}, b"", False
    finally:
        response.close()
    return None, response.status, dict(response.headers), body, response.is_complete

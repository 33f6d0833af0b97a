"""Ollama's bodies and lines: one reading of each, however it comes in pieces."""

from __future__ import annotations

import json
from dataclasses import dataclass

from fuzz.cutting import ways
from tollhouse.dialects.ollama_chat import OllamaChat
from tollhouse.dialects.ollama_dialect import Ollama
from tollhouse.dialects.ollama_generate import OllamaGenerate
from tollhouse.domain.errors import Failure, Refusal
from tollhouse.domain.models import Leg
from tollhouse.domain.pricing import Usage
from tollhouse.domain.snapshot import Target
from tollhouse.pipeline.translation import Translation
from tollhouse.ports import Relay

LEG = Leg(Target("up", "ollama", "m-real"), None, 1, 7, 0)
ASK = b'{"model":"m","messages":[{"role":"user"}],"tools":[{"name":"look"}]%b}'

ASK_SEEDS = [
    b'{"model":"m","messages":[{"role":"user","content":"x","images":["iVBORw0KGgo="]}],"options":{"num_predict":9}}',
    b'{"model":"m:latest","messages":[{"role":"assistant","thinking":"y","tool_calls":[{"function":{"name":"look",'
    b'"arguments":{"a":1}}}]},{"role":"tool","tool_name":"look","content":"z"}],"tools":[{"function":{"name":"look"}}]}',
    b'{"model":"m","prompt":"x","system":"y","options":null,"stream":false,"format":"json","think":"low","keep_alive":0}',
    b'{"model":"m","prompt":"","options":{"stop":"a","top_k":1.0,"seed":-1,"num_ctx":64},"format":{"$ref":"#/a"}}',
    b'{"model":"m","messages":[],"keep_alive":"0","template":"","options":{"num_predict":-1}}',
]
SAID = (
    b'{"model":"x","created_at":"t","message":{"role":"assistant","content":"hi"},"done":false}\n'
)
CALLED = b'{"message":{"tool_calls":[{"function":{"name":"look","arguments":{"a":[1]}}}]},"done":false}\n'
LAST = b'{"model":"x","message":{"content":""},"done":true,"done_reason":"stop","prompt_eval_count":9,"eval_count":2}\n'
LINE_SEEDS = [
    SAID + CALLED + LAST,
    (SAID + LAST).replace(b"\n", b"\r\n\n"),
    SAID + LAST.rstrip() + b" ",
    SAID + b'{"error":"x"}\n' + LAST,
    b'{"response":"hi","thinking":"hm","done":false}\n{"response":"","done":true,"eval_count":-1,"prompt_eval_count":1}\n',
    b'{"message":{"tool_calls":[{"function":{"n\\u0061me":"rm"}}]},"mod\\u0065l":1}\n' + LAST,
    '{"message":{"content":"\u2028\u0085\u8bed"},"model":"\\"model\\":"}\n'.encode() + LAST,
]
WORDS = (
    *(b'"model"', b'"messages"', b'"prompt"', b'"options"', b'"num_predict"', b'"message"', b'"response"', b'"done"'),
    *(b'"tool_calls"', b'"function"', b'"arguments"', b'"name"', b'"error"', b'"eval_count"', b'"images"', b'"think"'),
    *(b'"keep_alive"', b'"stream"', b"\n", b"\r\n", b"\xe2\x80\xa8", b"\xc2\x85"),
)  # fmt: skip


@dataclass
class Seen:
    out: bytes
    usage: Usage | None
    failure: type[Failure] | None
    counted: int


def ollama_ask_target(data: bytes) -> None:
    for dialect in (OllamaChat(), OllamaGenerate()):
        try:
            ask = dialect.peek(data)
        except Refusal:
            continue
        asked = json.loads(data)
        assert ask.model == asked["model"]
        options = {**(asked.get("options") or {}), "num_predict": LEG.output_tokens}
        outgoing = dialect.outgoing(data, ask, LEG)
        assert json.loads(outgoing) == {**asked, "model": "m-real", "options": options}
        again = dialect.peek(outgoing)
        assert (again.max_output, again.is_stream, again.tools, again.idle) == (
            *(LEG.output_tokens, ask.is_stream, ask.tools, ask.idle),
        )
        _translates(dialect, data)


def ollama_lines_target(data: bytes) -> None:
    for stream in (b"", b',"stream":false'):
        for is_native in (True, False):
            whole = _relayed([data], stream, is_native=is_native)
            for pieces in ways(data):
                assert _relayed(pieces, stream, is_native=is_native) == whole
            _is_clean(whole, is_stream=not stream)


def _translates(dialect: Ollama, data: bytes) -> None:
    """What is understood can be said, and is understood alike."""
    assert isinstance(dialect, OllamaChat | OllamaGenerate)
    try:
        meant = dialect.decode(data)
    except Refusal:
        return
    chat = OllamaChat()
    body, _ = chat.encode(meant, LEG)
    again = chat.decode(body)
    assert (again.sampling, again.form, again.thinking, again.is_stream) == (
        *(meant.sampling, meant.form, meant.thinking, meant.is_stream),
    )
    assert [message.role for message in again.messages] == [it.role for it in meant.messages]


def _relayed(pieces: list[bytes], stream: bytes, *, is_native: bool) -> Seen:
    chat = OllamaChat(lambda: 1)
    ask = chat.peek(ASK % stream)
    relay: Relay = chat.relay(ask)
    if not is_native:
        reader, writer = chat.reader(is_stream=ask.is_stream), chat.writer(ask, "r", 0)
        relay = Translation(reader, writer, ask, "r")
    out = b""
    for piece in pieces:
        out += relay.feed(piece)
        if relay.failure is not None or relay.is_over:
            break
    failure = relay.failure
    if failure is None:
        try:
            out += relay.finish()
        except Failure as broken:
            failure = broken
    return Seen(out, relay.usage, type(failure) if failure else None, relay.counted_output())


def _is_clean(seen: Seen, *, is_stream: bool) -> None:
    """One line an object for every reader, none with an error, and the end only where one was seen."""
    if not is_stream and seen.failure is not None:
        assert seen.out == b""
        return
    lines = seen.out.decode().splitlines() if is_stream else [seen.out.decode()]
    assert not is_stream or len(lines) == seen.out.count(b"\n")
    documents = [json.loads(line) for line in lines]
    assert all(document.get("error") is None for document in documents)
    dones = [document.get("done") is True for document in documents]
    assert dones == [*[False] * (len(dones) - 1), seen.failure is None][: len(dones)]
    for document in documents:
        calls = (document.get("message") or {}).get("tool_calls") or ()
        assert all(call["function"]["name"] == "look" for call in calls)
    assert seen.counted >= 0
    assert seen.usage is None or min(seen.usage.input, seen.usage.output) >= 0

"""What an upstream sends that speaks Gemini: the same answer however it is cut, and clean for every caller."""

from __future__ import annotations

import json
from collections.abc import Sequence

from fuzz.cutting import ways
from tollhouse.dialects.gemini import Gemini
from tollhouse.dialects.openai_chat import OpenAIChat
from tollhouse.domain.errors import Failure
from tollhouse.pipeline.translation import Translation

ASK = b'{"model":"m","messages":[{"role":"user"}],"n":2,"tools":[{"function":{"name":"look"}}]%b}'

SAID = b'data: {"candidates":[{"content":{"parts":[{"text":"hi"}],"role":"model"}}],"responseId":"r"}\r\n\r\n'
THOUGHT = b'data: {"candidates":[{"content":{"parts":[{"text":"hm","thought":true}]}}]}\n\n'
CALLED = (
    b'data: {"candidates":[{"content":{"parts":[{"functionCall":{"id":"a","name":"look","args":{"b":[1]}},'
    b'"thoughtSignature":"c2ln"}]},"index":1}]}\n\n'
)
LAST = (
    b'data: {"candidates":[{"finishReason":"STOP"},{"index":1,"finishReason":"MAX_TOKENS"}],'
    b'"usageMetadata":{"promptTokenCount":9,"candidatesTokenCount":2,"thoughtsTokenCount":1}}\n\n'
)
SEEDS = [
    THOUGHT + SAID + CALLED + LAST,
    SAID + LAST.replace(b"data: ", b"data:"),
    SAID + b'data: {"error":{"code":500,"status":"INTERNAL"}}\n\n' + LAST,
    b'data: {"promptFeedback":{"blockReason":"SAFETY"},"usageMetadata":{"promptTokenCount":-1}}\n\n',
    CALLED.replace(b"look", b"rm") + LAST,
    '{"candidates":[{"content":{"parts":[{"text":"\u2028\u0085"},{"thoughtSignature":"x"}]},\n"finishReason":"STOP"}]}'.encode(),
]
WORDS = (
    *(b'"candidates"', b'"content"', b'"parts"', b'"text"', b'"thought"', b'"thoughtSignature"', b'"functionCall"'),
    *(b'"args"', b'"finishReason"', b'"usageMetadata"', b'"promptFeedback"', b'"blockReason"', b'"error"', b'"index"'),
    *(b"data: ", b"\r\n\r\n", b"\n\n"),
)  # fmt: skip

Seen = tuple[str, type[Failure] | None]


def gemini_answer_target(data: bytes) -> None:
    for stream in (b"", b',"stream":true'):
        whole = _told([data], stream)
        for pieces in ways(data):
            assert _told(pieces, stream) == whole
        _is_clean(whole)


def _told(pieces: Sequence[bytes], stream: bytes) -> Seen:
    chat = OpenAIChat()
    ask = chat.peek(ASK % stream)
    reader, writer = Gemini().reader(is_stream=ask.is_stream), chat.writer(ask, "r", 0)
    relay = Translation(reader, writer, ask, "r")
    out = b""
    try:
        for piece in pieces:
            out += relay.feed(piece)
            if relay.failure is not None:
                return out.decode(), type(relay.failure)
        return (out + relay.finish()).decode(), None
    except Failure as failure:
        return out.decode(), type(failure)
    finally:
        assert relay.counted_output() >= 0
        assert relay.usage is None or min(relay.usage.input, relay.usage.output) >= 0


def _is_clean(seen: Seen) -> None:
    """No error within it, no tool that was not offered, and an end only where one was seen."""
    said, failure = seen
    is_stream = said.startswith("data: ")
    assert not is_stream or said.endswith("data: [DONE]\n\n") is (failure is None)
    for line in said.splitlines() if is_stream else [said] * bool(said):
        if not line or line == "data: [DONE]":
            continue
        document = json.loads(line.removeprefix("data: "))
        assert "error" not in document
        for choice in document["choices"]:
            calls = choice.get("delta", choice.get("message")).get("tool_calls") or ()
            names = {call["function"].get("name", "look") for call in calls}
            assert names <= {"look"}

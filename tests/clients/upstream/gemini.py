"""A turn as Gemini says it, with a signature that it wants back: whoever forgets one is refused."""

from __future__ import annotations

import json
from typing import Any

from clients.upstream.play import COMPLETION_TOKENS, PROMPT_TOKENS, Turn, pieces
from journeys.provider import Asked, chunked, json_response

THOUGHTS = 2
USAGE = {
    "promptTokenCount": PROMPT_TOKENS,
    "candidatesTokenCount": COMPLETION_TOKENS - THOUGHTS,
    "thoughtsTokenCount": THOUGHTS,
    "totalTokenCount": PROMPT_TOKENS + COMPLETION_TOKENS,
}


def results(body: dict[str, Any]) -> list[str]:
    """What the tools have said so far."""
    parts = [part for content in body["contents"] for part in content["parts"]]
    assert all(_is_signed(content["parts"]) for content in body["contents"])
    told = [part["functionResponse"]["response"] for part in parts if "functionResponse" in part]
    return [each["output"] for each in told]


def is_stream(asked: Asked) -> bool:
    return asked.path.endswith("?alt=sse")


def whole(_: Asked, turn: Turn) -> bytes:
    parts = [*_calls(turn), *([{"text": turn.text}] if turn.text else [])]
    return json_response(_answer(parts, is_last=True))


def stream(_: Asked, turn: Turn) -> list[bytes]:
    """Calls come whole, each in an event; the end has no word of its own."""
    answers = [_answer([call]) for call in _calls(turn)]
    answers += [_answer([{"text": piece}]) for piece in pieces(turn.text)]
    answers.append(_answer([{"text": "", "thoughtSignature": "d29yZHM="}], is_last=True))
    return chunked([b"data: " + json.dumps(each).encode() + b"\r\n\r\n" for each in answers])


def _calls(turn: Turn) -> list[dict[str, Any]]:
    """The first of those that are made at once is signed."""
    calls: list[dict[str, Any]] = [
        {"functionCall": {"name": call.name, "args": call.arguments}} for call in turn.calls
    ]
    for call in calls[:1]:
        call["thoughtSignature"] = "Y2FsbHM="
    return calls


def _is_signed(parts: list[dict[str, Any]]) -> bool:
    """By itself, or by the word that stands for a signature that a client did not keep."""
    calls = [part for part in parts if "functionCall" in part]
    return not calls or bool(calls[0].get("thoughtSignature"))


def _answer(parts: list[dict[str, Any]], *, is_last: bool = False) -> dict[str, Any]:
    candidate: dict[str, Any] = {"index": 0, "content": {"role": "model", "parts": parts}}
    answer = {"candidates": [candidate], "modelVersion": "gemini-3-x", "responseId": "r-1"}
    if not is_last:
        return answer
    candidate["finishReason"] = "STOP"
    return {**answer, "usageMetadata": USAGE}

"""A turn as OpenAI's chat completions say it."""

from __future__ import annotations

import json
from typing import Any

from clients.upstream.play import COMPLETION_TOKENS, PROMPT_TOKENS, Call, Turn, pieces
from journeys.provider import Asked, chunked, json_response, sse

USAGE = {
    "prompt_tokens": PROMPT_TOKENS,
    "completion_tokens": COMPLETION_TOKENS,
    "total_tokens": PROMPT_TOKENS + COMPLETION_TOKENS,
}


def results(body: dict[str, Any]) -> list[str]:
    """What the tools have said so far."""
    return [_text(each["content"]) for each in body["messages"] if each["role"] == "tool"]


def _text(content: Any) -> str:
    return content if isinstance(content, str) else "".join(part["text"] for part in content)


def whole(asked: Asked, turn: Turn) -> bytes:
    message: dict[str, Any] = {"role": "assistant", "content": turn.text or None}
    if turn.calls:
        message["tool_calls"] = [
            _call(call, json.dumps(call.arguments), index=None) for call in turn.calls
        ]
    choice = {"index": 0, "message": message, "finish_reason": _finish(turn), "logprobs": None}
    head = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1}
    return json_response(
        {**head, "model": asked.body["model"], "choices": [choice], "usage": USAGE}
    )


def stream(asked: Asked, turn: Turn) -> list[bytes]:
    """Arguments come in fragments, and those of parallel calls one after the other."""
    head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1}
    head["model"] = asked.body["model"]

    def event(delta: dict[str, Any], finish: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        return sse({**head, "choices": [choice], "usage": None})

    events = [event({"role": "assistant", "content": "" if turn.text else None})]
    events += [event({"content": word}) for word in pieces(turn.text)]
    for index, call in enumerate(turn.calls):
        events.append(event({"tool_calls": [_call(call, "", index=index)]}))
        for piece in pieces(json.dumps(call.arguments)):
            more = {"index": index, "function": {"arguments": piece}}
            events.append(event({"tool_calls": [more]}))
    events.append(event({}, _finish(turn)))
    events.append(sse({**head, "choices": [], "usage": USAGE}))
    return chunked([*events, b"data: [DONE]\n\n"])


def _call(call: Call, arguments: str, index: int | None) -> dict[str, Any]:
    place = {} if index is None else {"index": index}
    function = {"name": call.name, "arguments": arguments}
    return {**place, "id": call.id, "type": "function", "function": function}


def _finish(turn: Turn) -> str:
    return "tool_calls" if turn.calls else "stop"

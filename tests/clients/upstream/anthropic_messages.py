"""A turn as Anthropic's messages say it."""

from __future__ import annotations

import json
from typing import Any

from clients.upstream.play import COMPLETION_TOKENS, PROMPT_TOKENS, Turn, pieces
from journeys.provider import Asked, chunked, json_response

USAGE = {"input_tokens": PROMPT_TOKENS, "output_tokens": COMPLETION_TOKENS}


def results(body: dict[str, Any]) -> list[str]:
    """What the tools have said so far."""
    blocks = [
        block
        for message in body["messages"]
        if isinstance(message["content"], list)
        for block in message["content"]
    ]
    return [_text(block["content"]) for block in blocks if block["type"] == "tool_result"]


def _text(content: Any) -> str:
    return content if isinstance(content, str) else "".join(part["text"] for part in content)


def whole(asked: Asked, turn: Turn) -> bytes:
    content: list[dict[str, Any]] = [
        {"type": "tool_use", "id": call.id, "name": call.name, "input": call.arguments}
        for call in turn.calls
    ]
    if turn.text:
        content.append({"type": "text", "text": turn.text})
    return json_response(
        {**_head(asked), "content": content, "stop_reason": _stop(turn), "usage": USAGE}
    )


def stream(asked: Asked, turn: Turn) -> list[bytes]:
    began = {
        **_head(asked),
        "content": [],
        "stop_reason": None,
        "usage": {**USAGE, "output_tokens": 1},
    }
    events = [_event("message_start", message=began), _event("ping")]
    for index, call in enumerate(turn.calls):
        block = {"type": "tool_use", "id": call.id, "name": call.name, "input": {}}
        events.append(_event("content_block_start", index=index, content_block=block))
        for piece in pieces(json.dumps(call.arguments)):
            delta = {"type": "input_json_delta", "partial_json": piece}
            events.append(_event("content_block_delta", index=index, delta=delta))
        events.append(_event("content_block_stop", index=index))
    if turn.text:
        block = {"type": "text", "text": ""}
        events.append(_event("content_block_start", index=0, content_block=block))
        for piece in pieces(turn.text):
            delta = {"type": "text_delta", "text": piece}
            events.append(_event("content_block_delta", index=0, delta=delta))
        events.append(_event("content_block_stop", index=0))
    ended = {"stop_reason": _stop(turn), "stop_sequence": None}
    events.append(_event("message_delta", delta=ended, usage=USAGE))
    return chunked([*events, _event("message_stop")])


def _head(asked: Asked) -> dict[str, Any]:
    said = {"id": "msg_1", "type": "message", "role": "assistant", "stop_sequence": None}
    return {**said, "model": asked.body["model"]}


def _stop(turn: Turn) -> str:
    return "tool_use" if turn.calls else "end_turn"


def _event(kind: str, **members: Any) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **members})}\n\n".encode()

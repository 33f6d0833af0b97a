"""A turn as AWS Bedrock says it, in its own API."""

from __future__ import annotations

import json
from typing import Any

from scripts.fidelity.bedrock import event

from clients.upstream.play import COMPLETION_TOKENS, PROMPT_TOKENS, Turn, pieces
from journeys.provider import Asked, chunk, json_response

HEAD = (
    b"HTTP/1.1 200 OK\r\ncontent-type: application/vnd.amazon.eventstream\r\n"
    b"transfer-encoding: chunked\r\n\r\n"
)
TOTAL = PROMPT_TOKENS + COMPLETION_TOKENS
USAGE = {
    "inputTokens": PROMPT_TOKENS,
    "outputTokens": COMPLETION_TOKENS,
    "totalTokens": TOTAL,
}


def results(body: dict[str, Any]) -> list[str]:
    """What the tools have said so far."""
    blocks = [block for message in body["messages"] for block in message["content"]]
    said = [block["toolResult"]["content"] for block in blocks if "toolResult" in block]
    return ["".join(part["text"] for part in parts) for parts in said]


def whole(_: Asked, turn: Turn) -> bytes:
    content: list[dict[str, Any]] = [
        {"toolUse": {"toolUseId": call.id, "name": call.name, "input": call.arguments}}
        for call in turn.calls
    ]
    if turn.text:
        content.append({"text": turn.text})
    message = {"role": "assistant", "content": content}
    return json_response(
        {"output": {"message": message}, "stopReason": _stop(turn), "usage": USAGE}
    )


def stream(_: Asked, turn: Turn) -> list[bytes]:
    """Words have no beginning of their own."""
    events = [event("messageStart", {"role": "assistant"})]
    for index, call in enumerate(turn.calls):
        at = {"contentBlockIndex": index}
        start = {"toolUse": {"toolUseId": call.id, "name": call.name}}
        events.append(event("contentBlockStart", {"start": start, **at}))
        for piece in pieces(json.dumps(call.arguments)):
            delta = {"toolUse": {"input": piece}}
            events.append(event("contentBlockDelta", {"delta": delta, **at}))
        events.append(event("contentBlockStop", at))
    for piece in pieces(turn.text):
        said = {"delta": {"text": piece}, "contentBlockIndex": 0}
        events.append(event("contentBlockDelta", said))
    events.append(event("messageStop", {"stopReason": _stop(turn)}))
    events.append(event("metadata", {"usage": USAGE, "metrics": {"latencyMs": 1}}))
    return [HEAD, *map(chunk, events), b"0\r\n\r\n"]


def _stop(turn: Turn) -> str:
    return "tool_use" if turn.calls else "end_turn"

"""Streams of OpenAI Responses as a provider sends them."""

from __future__ import annotations

import json
from typing import Any

ID = "resp_1"
USAGE: dict[str, Any] = {
    "input_tokens": 9,
    "input_tokens_details": {"cached_tokens": 3, "cache_write_tokens": 2},
    "output_tokens": 2,
    "output_tokens_details": {"reasoning_tokens": 1},
    "total_tokens": 11,
}
TEXT = {"type": "output_text", "text": "hi you é", "annotations": [], "logprobs": []}
MESSAGE = {
    "id": "msg_1",
    "type": "message",
    "status": "completed",
    "role": "assistant",
    "content": [TEXT],
}
IN_MESSAGE: dict[str, Any] = {"item_id": "msg_1", "output_index": 0, "content_index": 0}


class Marking:
    """Implements Keeper."""

    def seal(self, known_as: str) -> str:
        return f"sealed {known_as}"

    def mark(self, encrypted: str) -> str:
        return f"thr_x.{encrypted}"


def event(kind: str, number: int = 0, **members: Any) -> bytes:
    data = {"type": kind, "sequence_number": number, **members}
    return b"event: %b\ndata: %b\n\n" % (
        kind.encode(),
        json.dumps(data, separators=(",", ":"), ensure_ascii=False).encode(),
    )


def response(status: str = "in_progress", **members: Any) -> dict[str, Any]:
    return {
        "id": ID,
        "object": "response",
        "created_at": 1,
        "status": status,
        "error": None,
        "model": "m-real",
        "output": [],
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "usage": None,
        **members,
    }


def item(number: int, kind: str, **members: Any) -> bytes:
    return event(
        "response.output_item.added", number, output_index=0, item={"type": kind, **members}
    )


CREATED = event("response.created", 0, response=response())
UNDER_WAY = event("response.in_progress", 1, response=response())
ADDED = event(
    "response.output_item.added",
    2,
    output_index=0,
    item={**MESSAGE, "content": [], "status": "in_progress"},
)
PART = event("response.content_part.added", 3, **IN_MESSAGE, part={**TEXT, "text": ""})
HI = event("response.output_text.delta", 4, **IN_MESSAGE, delta="hi", logprobs=[])
YOU = event("response.output_text.delta", 5, **IN_MESSAGE, delta=" you é", logprobs=[])
DONE = (
    event("response.output_text.done", 6, **IN_MESSAGE, text="hi you é", logprobs=[])
    + event("response.content_part.done", 7, **IN_MESSAGE, part=TEXT)
    + event("response.output_item.done", 8, output_index=0, item=MESSAGE)
)
COMPLETED = event(
    "response.completed", 9, response=response("completed", output=[MESSAGE], usage=USAGE)
)
BEGINNING = CREATED + UNDER_WAY + ADDED + PART
STREAM = BEGINNING + HI + YOU + DONE + COMPLETED
FAILED = event(
    "response.failed",
    6,
    response=response("failed", error={"code": "server_error", "message": "canary"}, usage=USAGE),
)

"""A turn as OpenAI's Responses say it."""

from __future__ import annotations

import json
from typing import Any

from clients.upstream.play import COMPLETION_TOKENS, PROMPT_TOKENS, Call, Turn, pieces
from journeys.provider import Asked, chunked, json_response

ID = "resp_1"
USAGE = {
    "input_tokens": PROMPT_TOKENS,
    "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
    "output_tokens": COMPLETION_TOKENS,
    "output_tokens_details": {"reasoning_tokens": 0},
    "total_tokens": PROMPT_TOKENS + COMPLETION_TOKENS,
}


def results(body: dict[str, Any]) -> list[str]:
    """What the tools have said so far."""
    items = body["input"] if isinstance(body["input"], list) else []
    said = [item for item in items if item.get("type", "").endswith("_call_output")]
    return [_text(item["output"]) for item in said]


def _text(output: Any) -> str:
    return output if isinstance(output, str) else "".join(part["text"] for part in output)


def whole(asked: Asked, turn: Turn) -> bytes:
    output = [_called(call) for call in turn.calls] + ([_message(turn.text)] if turn.text else [])
    return json_response(_response(asked, "completed", output))


def stream(asked: Asked, turn: Turn) -> list[bytes]:
    events: list[bytes] = []

    def event(kind: str, **members: Any) -> None:
        said = {"type": kind, "sequence_number": len(events), **members}
        events.append(f"event: {kind}\ndata: {json.dumps(said)}\n\n".encode())

    event("response.created", response=_response(asked, "in_progress", []))
    event("response.in_progress", response=_response(asked, "in_progress", []))
    output = []
    for index, call in enumerate(turn.calls):
        output.append(item := _called(call))
        place = {"output_index": index, "item_id": item["id"]}
        begun = {**item, "arguments": "", "status": "in_progress"}
        event("response.output_item.added", output_index=index, item=begun)
        for piece in pieces(item["arguments"]):
            event("response.function_call_arguments.delta", **place, delta=piece)
        done = {"name": call.name, "arguments": item["arguments"]}
        event("response.function_call_arguments.done", **place, **done)
        event("response.output_item.done", output_index=index, item=item)
    if turn.text:
        output.append(item := _message(turn.text))
        place = {"output_index": 0, "item_id": item["id"], "content_index": 0}
        begun = {**item, "content": [], "status": "in_progress"}
        event("response.output_item.added", output_index=0, item=begun)
        event("response.content_part.added", **place, part=_part(""))
        for piece in pieces(turn.text):
            event("response.output_text.delta", **place, delta=piece, logprobs=[])
        event("response.output_text.done", **place, text=turn.text, logprobs=[])
        event("response.content_part.done", **place, part=_part(turn.text))
        event("response.output_item.done", output_index=0, item=item)
    event("response.completed", response=_response(asked, "completed", output))
    return chunked(events)


def _response(asked: Asked, status: str, output: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "id": ID,
        "object": "response",
        "created_at": 1,
        "status": status,
        "error": None,
        "incomplete_details": None,
        "instructions": asked.body.get("instructions"),
        "metadata": {},
        "model": asked.body["model"],
        "output": output,
        "parallel_tool_calls": True,
        "temperature": 1.0,
        "tool_choice": "auto",
        "tools": [],
        "top_p": 1.0,
        "usage": USAGE if status == "completed" else None,
    }


def _called(call: Call) -> dict[str, Any]:
    said = {"type": "function_call", "id": f"fc_{call.id}", "status": "completed"}
    return {**said, "call_id": call.id, "name": call.name, "arguments": json.dumps(call.arguments)}


def _message(text: str) -> dict[str, Any]:
    said = {"type": "message", "id": "msg_1", "status": "completed", "role": "assistant"}
    return {**said, "content": [_part(text)]}


def _part(text: str) -> dict[str, Any]:
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}

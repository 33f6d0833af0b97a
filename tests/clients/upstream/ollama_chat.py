"""A turn as Ollama says it."""

from __future__ import annotations

import json
from typing import Any

from clients.upstream.play import COMPLETION_TOKENS, PROMPT_TOKENS, Turn, pieces
from journeys.provider import Asked, chunk, json_response

HEAD = (
    b"HTTP/1.1 200 OK\r\ncontent-type: application/x-ndjson\r\ntransfer-encoding: chunked\r\n\r\n"
)


def results(body: dict[str, Any]) -> list[str]:
    """What the tools have said so far."""
    return [each["content"] for each in body["messages"] if each["role"] == "tool"]


def whole(asked: Asked, turn: Turn) -> bytes:
    return json_response(_line(asked, turn.text, _calls(turn), is_last=True))


def stream(asked: Asked, turn: Turn) -> list[bytes]:
    """Calls come whole, each in a line."""
    lines = [_line(asked, "", [call]) for call in _calls(turn)]
    lines += [_line(asked, piece, []) for piece in pieces(turn.text)]
    lines.append(_line(asked, "", [], is_last=True))
    return [HEAD, *(chunk(json.dumps(line).encode() + b"\n") for line in lines), b"0\r\n\r\n"]


def _calls(turn: Turn) -> list[dict[str, Any]]:
    return [{"function": {"name": call.name, "arguments": call.arguments}} for call in turn.calls]


def _line(
    asked: Asked, text: str, calls: list[dict[str, Any]], *, is_last: bool = False
) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": text}
    if calls:
        message["tool_calls"] = calls
    end = {
        "done_reason": "stop",
        "total_duration": 5,
        "load_duration": 1,
        "prompt_eval_count": PROMPT_TOKENS,
        "prompt_eval_duration": 2,
        "eval_count": COMPLETION_TOKENS,
        "eval_duration": 2,
    }
    line = {"model": asked.body["model"], "created_at": "2026-11-01T00:00:00Z", "message": message}
    return {**line, "done": is_last, **(end if is_last else {})}

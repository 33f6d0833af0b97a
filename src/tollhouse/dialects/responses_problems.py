"""What went wrong, as an answer of OpenAI Responses that failed: the form that agents show.

Clients insist on a beginning, and on the same id from there to the end.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from tollhouse.dialects import strict_json
from tollhouse.dialects.openai_problems import failure_of, kind_of
from tollhouse.domain.errors import Failure, Problem

_ERROR = msgspec.json.Decoder(dict[str, msgspec.Raw])


def failed(problem: Problem, response: bytes, number: int) -> bytes:
    """`response.failed` for one that has begun, with the next number in order."""
    error = {"code": problem.code, "message": problem.detail}
    members: dict[str, strict_json.Member] = {
        **strict_json.members(response),
        "status": "failed",
        "error": error,
    }
    return event("response.failed", strict_json.join(members), number)


def failed_at_once(problem: Problem, request_id: str) -> bytes:
    """For one of which nothing was seen: begun, and failed."""
    response = strict_json.encode(
        {
            "id": f"resp_{request_id}",
            "object": "response",
            "created_at": 0,
            "status": "in_progress",
            "error": None,
            "model": "",
            "output": [],
            "parallel_tool_calls": True,
            "tool_choice": "auto",
            "tools": [],
        }
    )
    return event("response.created", response, 0) + failed(problem, response, 1)


def event(kind: str, response: bytes, number: int) -> bytes:
    return b'event: %b\ndata: {"type":"%b","sequence_number":%d,"response":%b}\n\n' % (
        *(kind.encode(), kind.encode(), number, response),
    )


def failure_within(data: bytes, where: str) -> Failure:
    """What an event or a response that failed says, in our words."""
    return failure_of(kind_within(data), where)


def kind_within(data: bytes) -> str:
    """The code of an event's or a response's error, if it looks like a name."""
    try:
        found: Mapping[str, msgspec.Raw] = _ERROR.decode(data)
    except (ValueError, RecursionError):
        return ""
    if "error" in found and bytes(found["error"]) != b"null":
        return kind_of(data)
    if "response" in found:
        return kind_of(bytes(found["response"]))
    return kind_of(b'{"error":%b}' % data)

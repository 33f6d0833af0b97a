"""Refusals and failures in the shape that Anthropic's clients read; OpenAI's read it too."""

from __future__ import annotations

import msgspec

from tollhouse.domain.errors import Problem, ThreadUnsupported

_TYPES = {
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    503: "overloaded_error",
    504: "timeout_error",
}


def body(problem: Problem, request_id: str) -> bytes:
    return msgspec.json.encode(_shape(problem, request_id))


def event(problem: Problem, request_id: str) -> bytes:
    return b"event: error\ndata: " + body(problem, request_id) + b"\n\n"


def _shape(problem: Problem, request_id: str) -> dict[str, object]:
    kind = _TYPES.get(
        problem.status, "api_error" if problem.status >= 500 else "invalid_request_error"
    )
    error: dict[str, object] = {
        "message": problem.detail,
        "type": kind,
        "param": problem.param,
        "code": problem.code,
    }
    if isinstance(problem, ThreadUnsupported):  # its clients then send the whole conversation
        error["details"] = {"error_code": problem.code, "unsupported": [problem.param]}
    return {"type": "error", "error": error, "request_id": request_id}

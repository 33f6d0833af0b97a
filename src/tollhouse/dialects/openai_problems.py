"""Refusals and failures in the shape that OpenAI's clients read; Anthropic's read it too."""

from __future__ import annotations

import re

import msgspec

from tollhouse.dialects.cleaning import cleaned, cut
from tollhouse.domain.errors import (
    ContextTooLong,
    Failure,
    Problem,
    UpstreamFailed,
    UpstreamRateLimited,
)

_TYPES = {
    401: "authentication_error",
    402: "insufficient_quota",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
}

RATE_LIMITED = "rate_limit"
"""As in OpenAI's `rate_limit_exceeded` and Anthropic's `rate_limit_error`."""

_name = re.compile(r"[a-z][a-z0-9_.]{0,63}").fullmatch


def body(problem: Problem, request_id: str) -> bytes:
    return msgspec.json.encode(_shape(problem, request_id))


def event(problem: Problem, request_id: str) -> bytes:
    return b"data: " + body(problem, request_id) + b"\n\n"


def message_of(upstream_body: bytes) -> str | None:
    """What a provider's error says, without what it should not say to a caller."""
    error = _error(upstream_body)
    message = error.get("message") if isinstance(error, dict) else error
    said = cleaned(message) if isinstance(message, str) else None
    return cut("The provider did not accept this request: " + said) if said else None


def kind_of(upstream_body: bytes) -> str:
    """Its type and code, if they look like names: nothing that could be a caller's words."""
    error = _error(upstream_body)
    given = (error.get("type"), error.get("code")) if isinstance(error, dict) else ()
    names = [name for name in given if isinstance(name, str) and _name(name)]
    return f" ({', '.join(names)})" if names else ""


def failure_of(kind: str, where: str) -> Failure:
    """What an error that came within an answer is to the caller, by what it calls itself."""
    private = f"an error {where}{kind}"
    if ContextTooLong.code in kind:
        return ContextTooLong(private=private)
    if RATE_LIMITED in kind:
        return UpstreamRateLimited(private=private)
    return UpstreamFailed(private=private)


def _error(upstream_body: bytes) -> object:
    try:
        found = msgspec.json.decode(upstream_body)
    except (ValueError, RecursionError):
        return None
    return found.get("error") if isinstance(found, dict) else None


def _shape(problem: Problem, request_id: str) -> dict[str, object]:
    kind = _TYPES.get(
        problem.status, "api_error" if problem.status >= 500 else "invalid_request_error"
    )
    error = {"message": problem.detail, "type": kind, "param": problem.param, "code": problem.code}
    return {"type": "error", "error": error, "request_id": request_id}

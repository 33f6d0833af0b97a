"""Google's errors, read: `{"error": {"code": 400, "message": "…", "status": "INVALID_ARGUMENT", "details": […]}}`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import msgspec

from tollhouse.dialects import openai_problems
from tollhouse.domain.errors import ContextTooLong, UpstreamDenied

OF_THE_KEY = ("API_KEY_INVALID", "API_KEY_EXPIRED", "API_KEY_SERVICE_BLOCKED")
"""What Google answers 400 for, and is nothing that a caller could do better."""

_name = re.compile(r"[A-Z][A-Z0-9_]{0,63}").fullmatch
_too_long = re.compile(r"input token count.{0,40} exceeds the maximum").search


def message_of(body: bytes) -> str | None:
    """What it says, without what it should not say to a caller."""
    return openai_problems.message_of(_alone(body))


def kind_of(body: bytes) -> str:
    """Its status and reasons, if they look like names, and what they mean here."""
    error = _error(body)
    names = [name for name in _names(error) if isinstance(name, str) and _name(name)]
    told = [name.lower() for name in dict.fromkeys(names)]
    if not set(OF_THE_KEY).isdisjoint(names):
        told.append(UpstreamDenied.code)
    message = error.get("message")
    if isinstance(message, str) and _too_long(message[:1000]):
        told.append(ContextTooLong.code)
    return f" ({', '.join(told)})" if told else ""


def _names(error: dict[str, Any]) -> Iterator[object]:
    yield error.get("status")
    details = error.get("details")
    for each in details[:8] if isinstance(details, list) else ():
        if isinstance(each, dict):
            yield each.get("reason")


def _error(body: bytes) -> dict[str, Any]:
    try:
        found = msgspec.json.decode(_alone(body))
    except (ValueError, RecursionError):
        return {}
    error = found.get("error") if isinstance(found, dict) else None
    return error if isinstance(error, dict) else {}


def _alone(body: bytes) -> bytes:
    """Some of its paths put the one error into a list."""
    body = body.strip()
    return body[1:-1] if body.startswith(b"[") and body.endswith(b"]") else body

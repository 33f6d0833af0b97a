"""What the paths of OpenAI's API have in common: how a body is read, how we refuse, and what is set."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tollhouse.dialects import fields, openai_problems, strict_json
from tollhouse.domain.errors import FieldInvalid, Problem
from tollhouse.domain.models import Ask, Leg


class OpenAIManners:
    """The part of Dialect that is the same on all of its paths."""

    stream_type = b"text/event-stream"

    def error_message(self, body: bytes) -> str | None:
        return openai_problems.message_of(body)

    def error_kind(self, body: bytes) -> str:
        return openai_problems.kind_of(body)

    def problem(self, problem: Problem, request_id: str) -> bytes:
        return openai_problems.body(problem, request_id)

    def problem_event(self, problem: Problem, request_id: str) -> bytes:
        return openai_problems.event(problem, request_id)

    def silence(self) -> bytes:
        return b": keep-alive\n\n"


class OpenAIEndpoint(OpenAIManners):
    """And what is the same wherever a body is JSON."""

    def outgoing(self, body: bytes, ask: Ask, leg: Leg) -> bytes:  # noqa: ARG002 - as the port has it
        """The caller's members as they came, but for the model's name."""
        return strict_json.join({**strict_json.members(body), "model": leg.target.model})


def parse(body: bytes) -> dict[str, Any]:
    """The one strict parse. Raises a Refusal, also for what is not taken from callers."""
    found = strict_json.parse_object(body)
    fields.refuse_steering(found)
    return found


def never_streams(found: dict[str, Any]) -> None:
    if fields.flag(found, "stream"):
        raise FieldInvalid("This path answers in one piece: leave `stream` out.", param="stream")


def stream_options(found: dict[str, Any]) -> dict[str, Any]:
    options = found.get("stream_options")
    if options is None:
        return {}
    if not isinstance(options, dict):
        raise FieldInvalid("`stream_options` must be an object.", param="stream_options")
    return options


def with_usage(options: strict_json.Raw | None) -> Mapping[str, strict_json.Member]:
    """Stream options as they came, by which usage is told."""
    parts = strict_json.members(options) if options and bytes(options) != b"null" else {}
    return {**parts, "include_usage": True}


def images(parts: list[dict[str, Any]]) -> tuple[int, int]:
    """How many there are, and the bytes of those that came inside the body."""
    shown = [part["image_url"] for part in parts if "image_url" in part]
    return len(shown), sum(map(_inline_bytes, shown))


def _inline_bytes(image: Any) -> int:
    url = image.get("url") if isinstance(image, dict) else image
    return len(url) if isinstance(url, str) and url.startswith("data:image/") else 0

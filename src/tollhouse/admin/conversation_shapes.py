"""The shapes of conversations, in the dialects that callers speak."""

from __future__ import annotations

from tollhouse.admin.shape import LARGEST_WHOLE, TEXT, Node, Shape, whole
from tollhouse.dialects.anthropic_ask import ROLES
from tollhouse.dialects.fields import REFUSED
from tollhouse.dialects.openai_bounds import MOST_STOPS
from tollhouse.dialects.openai_chat import BOUNDS, MOST_CHOICES
from tollhouse.dialects.responses_ask import BOUND, KEPT_ELSEWHERE
from tollhouse.domain.models import PREVIOUS

_MESSAGE = {
    "type": "object",
    "required": ["role"],
    "properties": {"role": {"type": "string", "minLength": 1}},
}
CHAT = Shape(
    "OpenAI Chat Completions, streamed or whole.",
    answers={"application/json": {"type": "object"}, "text/event-stream": None},
    body={
        "type": "object",
        "required": ["model", "messages"],
        "properties": {
            "model": {"type": "string", "minLength": 1},
            "messages": {"type": "array", "minItems": 1, "items": _MESSAGE},
            "stream": {"type": ["boolean", "null"]},
            "n": whole(MOST_CHOICES),
            **{name: whole(LARGEST_WHOLE) for name in BOUNDS},
            **dict.fromkeys(sorted(REFUSED), False),
        },
    },
)
_SPOKEN = {
    "type": "object",
    "required": ["role", "content"],
    "properties": {
        "role": {"enum": sorted(ROLES)},
        "content": {"type": ["string", "array"]},
    },
}
_ASKED: Node = {
    "model": {"type": "string", "minLength": 1},
    "messages": {"type": "array", "minItems": 1, "items": _SPOKEN},
    "system": {"type": ["string", "array", "null"]},
    "tools": {"type": ["array", "null"], "items": {"type": "object"}},
    "stop_sequences": {"type": ["array", "null"], "maxItems": MOST_STOPS},
    "thread": {"type": "null"},
    **dict.fromkeys(sorted(REFUSED), False),
}
MESSAGES = Shape(
    "Anthropic Messages, streamed or whole.",
    answers={"application/json": {"type": "object"}, "text/event-stream": None},
    body={
        "type": "object",
        "required": ["model", "messages", "max_tokens"],
        "properties": {
            **_ASKED,
            "stream": {"type": ["boolean", "null"]},
            "max_tokens": {"type": "integer", "minimum": 0, "maximum": LARGEST_WHOLE},
        },
    },
)
COUNT = Shape(
    "How many tokens a call of Anthropic Messages would have.",
    answers={
        "application/json": {
            "type": "object",
            "required": ["input_tokens"],
            "properties": {"input_tokens": {"type": "integer", "minimum": 0}},
        }
    },
    body={"type": "object", "required": ["model", "messages"], "properties": _ASKED},
)
_ITEM = {"type": "object", "anyOf": [{"required": ["type"]}, {"required": ["role"]}]}
RESPONSES = Shape(
    "OpenAI Responses, streamed or whole.",
    answers={"application/json": {"type": "object"}, "text/event-stream": None},
    body={
        "type": "object",
        "required": ["model", "input"],
        "properties": {
            "model": {"type": "string", "minLength": 1},
            "input": {"anyOf": [TEXT, {"type": "array", "minItems": 1, "items": _ITEM}]},
            "stream": {"type": ["boolean", "null"]},
            BOUND: whole(LARGEST_WHOLE),
            "tools": {"type": ["array", "null"], "items": {"type": "object"}},
            PREVIOUS: {"type": ["string", "null"], "minLength": 1},
            **{name: {"enum": [None, False]} for name in KEPT_ELSEWHERE},
            **dict.fromkeys(sorted(REFUSED), False),
        },
    },
)

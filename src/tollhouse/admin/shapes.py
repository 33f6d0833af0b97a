"""What the bodies of each route look like, as far as the gateway itself asks for or gives them.

Members that are not named pass as they came: the dialects have descriptions of their own.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tollhouse.dialects.fields import REFUSED
from tollhouse.dialects.openai_chat import BOUNDS, MOST_CHOICES
from tollhouse.dialects.openai_embeddings import (
    FORMATS,
    LARGEST_TOKEN,
    MOST_DIMENSIONS,
    MOST_INPUTS,
)
from tollhouse.dialects.responses_ask import BOUND, KEPT_ELSEWHERE
from tollhouse.domain.models import PREVIOUS

Node = dict[str, Any]

LARGEST_WHOLE = 2**53


@dataclass(frozen=True, slots=True)
class Shape:
    summary: str
    answers: dict[str, Node | None]
    """By media type."""

    body: Node | None = None
    query: dict[str, Node] = field(default_factory=dict)


def _whole(most: int) -> Node:
    return {"type": ["integer", "null"], "minimum": 1, "maximum": most}


_MESSAGE = {
    "type": "object",
    "required": ["role"],
    "properties": {"role": {"type": "string", "minLength": 1}},
}
_MODEL = {"type": "object", "required": ["id"], "properties": {"id": {"type": "string"}}}

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
            "n": _whole(MOST_CHOICES),
            **{name: _whole(LARGEST_WHOLE) for name in BOUNDS},
            **dict.fromkeys(sorted(REFUSED), False),
        },
    },
)
_TEXT = {"type": "string", "minLength": 1}
_ITEM = {"type": "object", "anyOf": [{"required": ["type"]}, {"required": ["role"]}]}
RESPONSES = Shape(
    "OpenAI Responses, streamed or whole.",
    answers={"application/json": {"type": "object"}, "text/event-stream": None},
    body={
        "type": "object",
        "required": ["model", "input"],
        "properties": {
            "model": {"type": "string", "minLength": 1},
            "input": {"anyOf": [_TEXT, {"type": "array", "minItems": 1, "items": _ITEM}]},
            "stream": {"type": ["boolean", "null"]},
            BOUND: _whole(LARGEST_WHOLE),
            "tools": {"type": ["array", "null"], "items": {"type": "object"}},
            PREVIOUS: {"type": ["string", "null"], "minLength": 1},
            **{name: {"enum": [None, False]} for name in KEPT_ELSEWHERE},
            **dict.fromkeys(sorted(REFUSED), False),
        },
    },
)
_TOKENS = {
    "type": "array",
    "minItems": 1,
    "items": {"type": "integer", "minimum": 0, "maximum": LARGEST_TOKEN},
}
EMBEDDINGS = Shape(
    "OpenAI embeddings of texts or tokens.",
    answers={"application/json": {"type": "object", "required": ["data"]}},
    body={
        "type": "object",
        "required": ["model", "input"],
        "properties": {
            "model": {"type": "string", "minLength": 1},
            "input": {
                "anyOf": [
                    _TEXT,
                    _TOKENS,
                    *(
                        {"type": "array", "minItems": 1, "maxItems": MOST_INPUTS, "items": each}
                        for each in (_TEXT, _TOKENS)
                    ),
                ]
            },
            "encoding_format": {"enum": [*FORMATS]},
            "dimensions": _whole(MOST_DIMENSIONS),
            "stream": {"enum": [None, False]},
            **dict.fromkeys(sorted(REFUSED), False),
        },
    },
)
MODELS = Shape(
    "What this key may call.",
    answers={
        "application/json": {
            "type": "object",
            "required": ["data"],
            "properties": {"data": {"type": "array", "items": _MODEL}},
        }
    },
    query={
        "limit": {"type": "integer", "minimum": 1, "maximum": 1000},
        "after": {"type": "string"},
        "after_id": {"type": "string"},
    },
)
MODEL = Shape("One model.", answers={"application/json": _MODEL})
DESCRIPTION = Shape(
    "This document.",
    answers={"application/json": {"type": "object", "required": ["openapi", "paths"]}},
)


def shape_of(name: str, path: str) -> Shape:
    """By the route's name; of a path with a tail, that of one."""
    return _ONE[name] if path.endswith("/") else _ALL[name]


_ALL = {
    "chat": CHAT,
    "responses": RESPONSES,
    "embeddings": EMBEDDINGS,
    "models": MODELS,
    "description": DESCRIPTION,
}
_ONE = {"models": MODEL}

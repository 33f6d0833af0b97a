"""What the bodies of Ollama's API look like, as far as the gateway itself asks for or gives them."""

from __future__ import annotations

from typing import Any

from tollhouse.dialects.fields import REFUSED
from tollhouse.dialects.ollama_bounds import MOST_LOGPROBS, ROLES
from tollhouse.dialects.openai_embeddings import MOST_DIMENSIONS
from tollhouse.dialects.openai_inputs import MOST_INPUTS

Node = dict[str, Any]

MODEL: Node = {"type": "string", "minLength": 1}
LINES: dict[str, Node | None] = {
    "application/json": {"type": "object"},
    "application/x-ndjson": None,
}
_TEXT: Node = {"type": ["string", "null"]}
_FUNCTION: Node = {
    "type": "object",
    "required": ["name"],
    "properties": {
        "name": {"type": "string"},
        "description": _TEXT,
        "parameters": {"type": ["object", "null"]},
    },
}
_MESSAGE: Node = {
    "type": "object",
    "required": ["role"],
    "properties": {"role": {"enum": sorted(ROLES)}, "content": _TEXT, "thinking": _TEXT},
}
_BOTH: Node = {
    "model": MODEL,
    "stream": {"type": ["boolean", "null"]},
    "options": {"type": ["object", "null"]},
    "think": {"enum": [None, True, False, "low", "medium", "high"]},
    "format": {"enum": [None, "", "json"]},
    "template": {"enum": [None, ""]},
    "top_logprobs": {"type": ["integer", "null"], "minimum": 0, "maximum": MOST_LOGPROBS},
    **dict.fromkeys(sorted(REFUSED), False),
}
CHAT: Node = {
    "type": "object",
    "required": ["model", "messages"],
    "properties": {
        **_BOTH,
        "messages": {"type": ["array", "null"], "items": _MESSAGE},
        "tools": {
            "type": ["array", "null"],
            "items": {
                "type": "object",
                "required": ["function"],
                "properties": {"function": _FUNCTION},
            },
        },
    },
}
GENERATE: Node = {
    "type": "object",
    "required": ["model", "prompt"],
    "properties": {
        **_BOTH,
        "prompt": _TEXT,
        "system": _TEXT,
        "suffix": {"enum": [None, ""]},
        "raw": {"enum": [None, False]},
    },
}
EMBED: Node = {
    "type": "object",
    "required": ["model", "input"],
    "properties": {
        "model": MODEL,
        "input": {
            "anyOf": [
                {"type": "string"},
                {"type": "array", "maxItems": MOST_INPUTS, "items": {"type": "string"}},
            ]
        },
        "dimensions": {"type": ["integer", "null"], "minimum": 1, "maximum": MOST_DIMENSIONS},
        "truncate": {"type": ["boolean", "null"]},
        "options": {"type": ["object", "null"]},
        **dict.fromkeys(sorted(REFUSED), False),
    },
}
EMBEDDINGS: Node = {
    "type": "object",
    "required": ["model", "prompt"],
    "properties": {
        "model": MODEL,
        "prompt": _TEXT,
        "options": {"type": ["object", "null"]},
        **dict.fromkeys(sorted(REFUSED), False),
    },
}
SHOW: Node = {"type": "object", "required": ["model"], "properties": {"model": MODEL}}
LIST: Node = {
    "type": "object",
    "required": ["models"],
    "properties": {"models": {"type": "array", "items": {"type": "object"}}},
}


def error(codes: list[str]) -> Node:
    """A text under `error`, as Ollama's clients read it."""
    return {
        "type": "object",
        "required": ["error", "code", "request_id"],
        "properties": {
            "error": {"type": "string"},
            "code": {"enum": codes},
            "request_id": {"type": "string"},
        },
        "x-tollhouse-codes": codes,
    }

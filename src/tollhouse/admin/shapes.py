"""What the bodies of each route look like, as far as the gateway itself asks for or gives them.

Members that are not named pass as they came: the dialects have descriptions of their own.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from tollhouse.admin import ollama_shapes
from tollhouse.dialects.anthropic_ask import ROLES
from tollhouse.dialects.fields import REFUSED
from tollhouse.dialects.openai_bounds import MOST_STOPS
from tollhouse.dialects.openai_chat import BOUNDS, MOST_CHOICES
from tollhouse.dialects.openai_embeddings import FORMATS, MOST_DIMENSIONS
from tollhouse.dialects.openai_hearing import FORMATS as FORMATS_HEARD
from tollhouse.dialects.openai_images import MOST_IMAGES, QUALITY, SIZE
from tollhouse.dialects.openai_inputs import LARGEST_TOKEN, MOST_INPUTS
from tollhouse.dialects.openai_retouching import COUNTS
from tollhouse.dialects.openai_speech import MEDIA
from tollhouse.dialects.rerank import MOST_DOCUMENTS
from tollhouse.dialects.responses_ask import BOUND, KEPT_ELSEWHERE
from tollhouse.domain.batches import TASKS, WINDOW
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
    headers: dict[str, tuple[Node, bool]] = field(default_factory=dict)
    """And whether each has to be there."""

    status: int = 200


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


def _many(items: Node, most: int = MOST_INPUTS) -> Node:
    return {"type": "array", "minItems": 1, "maxItems": most, "items": items}


_INPUTS = {"anyOf": [_TEXT, _TOKENS, _many(_TEXT), _many(_TOKENS)]}
_WHOLE_ONLY = {"enum": [None, False]}


def _body(required: list[str], **properties: Node) -> Node:
    return {
        "type": "object",
        "required": required,
        "properties": {**properties, **dict.fromkeys(sorted(REFUSED), False)},
    }


COMPLETIONS = Shape(
    "OpenAI's legacy completions, streamed or whole.",
    answers={"application/json": {"type": "object"}, "text/event-stream": None},
    body=_body(
        ["model", "prompt"],
        model=_TEXT,
        prompt=_INPUTS,
        stream={"type": ["boolean", "null"]},
        n=_whole(MOST_CHOICES),
        max_tokens=_whole(LARGEST_WHOLE),
    ),
)
EMBEDDINGS = Shape(
    "OpenAI embeddings of texts or tokens.",
    answers={"application/json": {"type": "object", "required": ["data"]}},
    body=_body(
        ["model", "input"],
        model=_TEXT,
        input=_INPUTS,
        encoding_format={"enum": [*FORMATS]},
        dimensions=_whole(MOST_DIMENSIONS),
        stream=_WHOLE_ONLY,
    ),
)
MODERATIONS = Shape(
    "OpenAI moderations of texts and images.",
    answers={"application/json": {"type": "object", "required": ["results"]}},
    body=_body(
        ["input"],
        model={"type": ["string", "null"], "minLength": 1},
        input={"anyOf": [_TEXT, _many({"type": "string"}), _many({"type": "object"})]},
        stream=_WHOLE_ONLY,
    ),
)
_DOCUMENT = {
    "anyOf": [
        {"type": "string"},
        {"type": "object", "required": ["text"], "properties": {"text": {"type": "string"}}},
    ]
}
RERANK = Shape(
    "Documents, sorted by a query.",
    answers={"application/json": {"type": "object", "required": ["results"]}},
    body=_body(
        ["model", "query", "documents"],
        model=_TEXT,
        query=_TEXT,
        documents=_many(_DOCUMENT, MOST_DOCUMENTS),
        top_n=_whole(MOST_DOCUMENTS),
        stream=_WHOLE_ONLY,
    ),
)
IMAGES = Shape(
    "OpenAI's image generation.",
    answers={"application/json": {"type": "object", "required": ["data"]}},
    body=_body(
        ["model", "prompt"],
        model=_TEXT,
        prompt=_TEXT,
        n=_whole(MOST_IMAGES),
        size={"type": ["string", "null"], "pattern": f"^({SIZE.pattern})$"},
        quality={"type": ["string", "null"], "pattern": f"^{QUALITY.pattern}$"},
        stream=_WHOLE_ONLY,
    ),
)
SPEECH = Shape(
    "OpenAI's speech: a text, spoken.",
    answers={media.decode(): None for media in MEDIA.values()},
    body=_body(
        ["model", "input"],
        model=_TEXT,
        input=_TEXT,
        response_format={"enum": [None, *MEDIA]},
        stream_format={"enum": [None, "audio"]},
    ),
)
_HEARING = _body(
    ["model", "file"],
    model=_TEXT,
    file={"type": "string", "format": "binary", "minLength": 1},
    response_format={"enum": [*FORMATS_HEARD]},
)
TRANSCRIPTIONS = Shape(
    "OpenAI's transcriptions: a recording, written down.",
    answers={
        "application/json": {"type": "object"},
        "text/plain": None,
        "text/event-stream": None,
    },
    body={
        **_HEARING,
        "properties": {**_HEARING["properties"], "stream": {"enum": ["true", "false"]}},
    },
)
TRANSLATIONS = Shape(
    "OpenAI's translations: a recording, written down in English.",
    answers={"application/json": {"type": "object"}, "text/plain": None},
    body={**_HEARING, "properties": {**_HEARING["properties"], "stream": {"enum": ["false"]}}},
)
_RETOUCHED: dict[str, Node] = {
    "model": _TEXT,
    "image": {"type": "string", "format": "binary"},
    "n": {"enum": sorted(COUNTS, key=int)},
    "size": {"type": "string", "pattern": f"^({SIZE.pattern})$"},
    "quality": {"type": "string", "pattern": f"^{QUALITY.pattern}$"},
    "stream": {"enum": ["false"]},
}
EDITS = Shape(
    "OpenAI's edits of images, by a text.",
    answers={"application/json": {"type": "object", "required": ["data"]}},
    body=_body(["model", "image", "prompt"], prompt=_TEXT, **_RETOUCHED),
)
VARIATIONS = Shape(
    "OpenAI's variations of an image.",
    answers={"application/json": {"type": "object", "required": ["data"]}},
    body=_body(["model", "image"], **_RETOUCHED),
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
        "provider": {"type": "string"},
    },
)
METADATA = replace(MODELS, summary="What each of them does, holds and costs.")
MODEL = Shape("One model.", answers={"application/json": _MODEL})
_FILE: Node = {
    "type": "object",
    "required": ["id", "object", "bytes", "created_at", "filename", "purpose"],
    "properties": {"id": {"type": "string"}, "object": {"const": "file"}},
}
_BATCH: Node = {
    "type": "object",
    "required": ["id", "object", "status", "endpoint", "input_file_id"],
    "properties": {"id": {"type": "string"}, "object": {"const": "batch"}},
}
_ORDERED: dict[str, Node] = {
    "after": {"type": "string"},
    "order": {"enum": ["asc", "desc"]},
}
FILE = Shape("One file of this key's project.", answers={"application/json": _FILE})
FILES = Shape(
    "The files of this key's project.",
    answers={
        "application/json": {
            "type": "object",
            "required": ["data", "has_more"],
            "properties": {"data": {"type": "array", "items": _FILE}},
        }
    },
    query={
        "limit": {"type": "integer", "minimum": 1, "maximum": 10_000},
        "purpose": {"type": "string"},
        **_ORDERED,
    },
)
BATCH = Shape("One batch of this key's project.", answers={"application/json": _BATCH})
_WISHED = {
    "type": "object",
    "required": ["input_file_id", "endpoint", "completion_window"],
    "properties": {
        "input_file_id": {"type": "string"},
        "endpoint": {"enum": sorted(TASKS)},
        "completion_window": {"const": WINDOW},
        "metadata": {"type": ["object", "null"]},
        "output_expires_after": {"type": ["object", "null"]},
    },
    "additionalProperties": False,
}
_PAGED: dict[str, Node] = {"limit": {"type": "integer", "minimum": 1, "maximum": 100}, **_ORDERED}
RECEIPT = Shape(
    "A signed receipt of one of this user's calls, once it is settled.",
    answers={
        "application/json": {
            "type": "object",
            "required": ["object", "receipt", "call", "owed"],
            "properties": {"object": {"const": "receipt"}, "receipt": {"type": "string"}},
        }
    },
)
DESCRIPTION = Shape(
    "This document.",
    answers={"application/json": {"type": "object", "required": ["openapi", "paths"]}},
)


def shape_of(name: str, path: str) -> Shape:
    """By the route's name; of a path with a tail, that of one."""
    return _ONE[name] if path.endswith("/") else _ALL[name]


_NOTHING = Shape("Not offered here.", answers={})
_OBJECT: dict[str, Node | None] = {"application/json": {"type": "object"}}
_LISTED: dict[str, Node | None] = {"application/json": ollama_shapes.LIST}
_ALL = {
    "chat": CHAT,
    "responses": RESPONSES,
    "completions": COMPLETIONS,
    "messages": MESSAGES,
    "count": COUNT,
    "embeddings": EMBEDDINGS,
    "moderations": MODERATIONS,
    "rerank": RERANK,
    "images": IMAGES,
    "edits": EDITS,
    "variations": VARIATIONS,
    "speech": SPEECH,
    "transcriptions": TRANSCRIPTIONS,
    "translations": TRANSLATIONS,
    "models": MODELS,
    "models_metadata": METADATA,
    "file_upload": replace(FILE, summary="A file is kept for this key's project."),
    "batch_create": replace(BATCH, summary="A batch begins.", body=_WISHED),
    "batch_list": replace(FILES, summary="The batches of this key's project.", query=_PAGED),
    "batch_show": BATCH,
    "batch_cancel": replace(BATCH, summary="A batch is cancelled."),
    "file_list": FILES,
    "file_show": FILE,
    "file_delete": Shape("A file is deleted.", _OBJECT),
    "file_content": Shape("What is in a file.", {"application/octet-stream": None}),
    "receipt": RECEIPT,
    "description": DESCRIPTION,
    "ollama_chat": Shape("Ollama's chat.", ollama_shapes.LINES, ollama_shapes.CHAT),
    "ollama_generate": Shape("Ollama's prompt.", ollama_shapes.LINES, ollama_shapes.GENERATE),
    "ollama_embed": Shape("Ollama's embeddings.", _OBJECT, ollama_shapes.EMBED),
    "ollama_embeddings": Shape("Of one text, as it was.", _OBJECT, ollama_shapes.EMBEDDINGS),
    "ollama_tags": Shape("What this key may call, as Ollama lists it.", _LISTED),
    "ollama_show": Shape(
        "One model.", {"application/json": {"type": "object"}}, ollama_shapes.SHOW
    ),
    "ollama_ps": Shape("What is loaded: nobody here knows.", _LISTED),
    "ollama_manage": _NOTHING,
}
_ONE = {"models": MODEL, "ollama_manage": _NOTHING}

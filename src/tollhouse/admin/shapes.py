"""What the bodies of each route look like, as far as the gateway itself asks for or gives them.

Members that are not named pass as they came: the dialects have descriptions of their own.
"""

from __future__ import annotations

from dataclasses import replace

from tollhouse.admin import ollama_shapes
from tollhouse.admin.conversation_shapes import CHAT, COUNT, MESSAGES, RESPONSES
from tollhouse.admin.shape import Node, Shape
from tollhouse.admin.shelf_shapes import BATCH, FILE, FILES, PAGED, WISHED
from tollhouse.admin.task_shapes import (
    COMPLETIONS,
    EDITS,
    EMBEDDINGS,
    IMAGES,
    MODERATIONS,
    RERANK,
    SPEECH,
    TRANSCRIPTIONS,
    TRANSLATIONS,
    VARIATIONS,
)

_MODEL = {"type": "object", "required": ["id"], "properties": {"id": {"type": "string"}}}
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
    "batch_create": replace(BATCH, summary="A batch begins.", body=WISHED),
    "batch_list": replace(FILES, summary="The batches of this key's project.", query=PAGED),
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

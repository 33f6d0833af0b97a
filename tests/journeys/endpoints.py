"""A plain request for each route that takes a body, by the route's name."""

from __future__ import annotations

import json
from typing import Any

from journeys import recordings
from journeys.gateway import MODEL, ask

JSON = ("content-type", "application/json")
SECONDS = 2

EXAMPLES: dict[str, dict[str, Any]] = {
    "chat": ask(),
    "responses": {"model": MODEL, "input": "hello"},
    "completions": {"model": MODEL, "prompt": "once upon a time", "max_tokens": 3},
    "ollama_chat": ask(),
    "ollama_show": {"model": MODEL},
    "ollama_embed": {"model": MODEL, "input": "hello"},
    "ollama_embeddings": {"model": MODEL, "prompt": "hello"},
    "ollama_generate": {"model": MODEL, "prompt": "hello"},
    "messages": ask(max_tokens=100),
    "count": ask(),
    "embeddings": {"model": MODEL, "input": "hello"},
    "images": {"model": MODEL, "prompt": "a toll house", "n": 2, "size": "512x512"},
    "moderations": {"model": MODEL, "input": "hello"},
    "rerank": {"model": MODEL, "query": "toll house", "documents": ["green apples", "a toll"]},
    "batch_create": {"input_file_id": "file-1", "completion_window": "24h", "endpoint": "/v1/x"},
    "speech": {"model": MODEL, "input": "hello", "voice": "alloy", "response_format": "wav"},
    "edits": {"model": MODEL, "prompt": "a toll house", "n": 2, "size": "512x512"},
    "variations": {"model": MODEL, "n": 2, "size": "512x512"},
    "transcriptions": {"model": MODEL, "prompt": "hello"},
    "translations": {"model": MODEL, "prompt": "hello"},
}
WITH_FILE = {
    "edits": "image",
    "variations": "image",
    "transcriptions": "file",
    "translations": "file",
}
"""Those that are forms, and what they call their file."""


def type_of(name: str) -> tuple[str, str]:
    """The header line that goes with the body of a route."""
    return recordings.FORM if name in WITH_FILE else JSON


def body_of(name: str, **members: Any) -> bytes:
    """Of a route; nothing where none is taken."""
    if name not in EXAMPLES:
        return b""
    said = {**EXAMPLES[name], **members}
    if name not in WITH_FILE:
        return json.dumps(said).encode()
    texts = [recordings.text(*each) for each in said.items()]
    return recordings.form(*texts, recordings.file(recordings.wav(SECONDS), WITH_FILE[name]))

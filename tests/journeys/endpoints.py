"""A plain request for each route that takes a body, by the route's name."""

from __future__ import annotations

from typing import Any

from journeys.gateway import MODEL, ask

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
    "speech": {"model": MODEL, "input": "hello", "voice": "alloy", "response_format": "wav"},
}

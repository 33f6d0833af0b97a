"""Models as Ollama lists and shows them. What nobody here knows of them is said to be unknown."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import msgspec

from tollhouse.domain.snapshot import Model
from tollhouse.domain.tasks import Task

SINCE = "2026-01-01T00:00:00Z"
"""Public names have no birthday of their own."""

ARCHITECTURE = "tollhouse"
LATEST = ":latest"
DETAILS: dict[str, Any] = {
    "parent_model": "",
    "format": "gguf",
    "family": ARCHITECTURE,
    "families": [ARCHITECTURE],
    "parameter_size": "unknown",
    "quantization_level": "unknown",
}


def tags(models: Sequence[Model]) -> bytes:
    return msgspec.json.encode({"models": [_listed(model) for model in models]})


def running() -> bytes:
    """Where models are loaded, only their providers know."""
    return b'{"models":[]}'


def shown(model: Model) -> bytes:
    return msgspec.json.encode(
        {
            "modelfile": "",
            "parameters": "",
            "template": "",
            "details": DETAILS,
            "model_info": {
                "general.architecture": ARCHITECTURE,
                "general.basename": model.name,
                f"{ARCHITECTURE}.context_length": model.context_tokens,
            },
            "capabilities": _capabilities(model),
            "modified_at": SINCE,
        }
    )


def also(name: str) -> str:
    """The other way to write the same name: Ollama's clients add the tag, or leave it out."""
    return name.removesuffix(LATEST) if name.endswith(LATEST) else name + LATEST


def _capabilities(model: Model) -> list[str]:
    """Clients hide what they think a model cannot do."""
    known = {
        "completion": Task.CHAT in model.does,
        "tools": Task.CHAT in model.does and model.takes_tools,
        "embedding": Task.EMBEDDINGS in model.does,
    }
    return [name for name, is_so in known.items() if is_so]


def _listed(model: Model) -> dict[str, Any]:
    return {
        "name": model.name,
        "model": model.name,
        "modified_at": SINCE,
        "size": 0,
        "digest": hashlib.sha256(model.name.encode()).hexdigest(),
        "details": DETAILS,
    }

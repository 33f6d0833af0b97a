"""The list of models in OpenAI's shape, or in Anthropic's for its clients."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from tollhouse.domain.snapshot import Model

SINCE = 1_767_225_600
"""Public names have no birthday of their own: the first of January 2026, when none is known."""


def openai_list(models: Sequence[Model]) -> bytes:
    return msgspec.json.encode({"object": "list", "data": [_openai(model) for model in models]})


def openai_one(model: Model) -> bytes:
    return msgspec.json.encode(_openai(model))


def anthropic_list(models: Sequence[Model], *, has_more: bool) -> bytes:
    entries = [_anthropic(model) for model in models]
    first, last = (entries[0]["id"], entries[-1]["id"]) if entries else (None, None)
    return msgspec.json.encode(
        {"data": entries, "has_more": has_more, "first_id": first, "last_id": last}
    )


def anthropic_one(model: Model) -> bytes:
    return msgspec.json.encode(_anthropic(model))


def _openai(model: Model) -> dict[str, Any]:
    return {"id": model.name, "object": "model", "created": SINCE, "owned_by": "tollhouse"}


def _anthropic(model: Model) -> dict[str, Any]:
    return {
        "type": "model",
        "id": model.name,
        "display_name": model.name,
        "created_at": "2026-01-01T00:00:00Z",
        "lifecycle": "active",
    }

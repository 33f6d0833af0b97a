"""What otari's clients keep beside a user or a key as `metadata`: kept, told again, and read by nobody."""

from __future__ import annotations

import json
from typing import Any

from tollhouse.domain.errors import FieldInvalid

MOST_CHARACTERS = 16 * 1024


def written(metadata: dict[str, Any] | None) -> str:
    text = json.dumps(metadata or {}, ensure_ascii=False)
    if len(text) > MOST_CHARACTERS:
        raise FieldInvalid("`metadata` has at most 16 KiB.", param="metadata")
    return text


def told(notes: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(notes)
    return found

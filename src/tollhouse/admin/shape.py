"""What one body looks like, and the parts that many of them have."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tollhouse.dialects.fields import REFUSED
from tollhouse.dialects.openai_inputs import MOST_INPUTS

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


def whole(most: int) -> Node:
    return {"type": ["integer", "null"], "minimum": 1, "maximum": most}


TEXT = {"type": "string", "minLength": 1}
WHOLE_ONLY = {"enum": [None, False]}


def many(items: Node, most: int = MOST_INPUTS) -> Node:
    return {"type": "array", "minItems": 1, "maxItems": most, "items": items}


def bodied(required: list[str], **properties: Node) -> Node:
    return {
        "type": "object",
        "required": required,
        "properties": {**properties, **dict.fromkeys(sorted(REFUSED), False)},
    }

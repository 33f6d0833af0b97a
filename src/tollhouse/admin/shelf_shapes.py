"""The shapes of files and batches."""

from __future__ import annotations

from tollhouse.admin.shape import Node, Shape
from tollhouse.domain.batches import TASKS, WINDOW

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
WISHED = {
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
PAGED: dict[str, Node] = {"limit": {"type": "integer", "minimum": 1, "maximum": 100}, **_ORDERED}

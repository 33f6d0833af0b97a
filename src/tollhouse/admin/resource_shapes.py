"""The shapes of the Admin API, made from its own rows."""

from __future__ import annotations

from functools import cache
from typing import Any

from tollhouse.admin.asking import LARGEST_PAGE
from tollhouse.admin.resource import GUARDED, Resource, body_schema
from tollhouse.admin.resources import RESOURCES
from tollhouse.admin.shape import Shape

Node = dict[str, Any]

TAG: Node = {"type": "string", "pattern": '^("[!#-~]{1,100}"|[*])$'}
KEY: Node = {"type": "string", "pattern": "^[!-~]{1,200}$"}
TEXT: Node = {"type": "string", "maxLength": 500}
LIST: Node = {
    "type": "object",
    "required": ["data", "next"],
    "properties": {
        "data": {"type": "array", "items": {"type": "object"}},
        "next": {"type": ["string", "null"]},
    },
}


@cache
def resource_shapes() -> dict[str, Shape]:
    """By the route's name."""
    return {each.name: _shape(each) for each in RESOURCES}


def _shape(resource: Resource) -> Shape:
    return Shape(
        resource.summary,
        answers={"application/json": LIST if resource.is_list else {"type": "object"}},
        body=body_schema(resource.body) if resource.body else None,
        query=_query(resource),
        headers=_headers(resource),
        status=201 if resource.name.endswith("_create") else 200,
    )


def _query(resource: Resource) -> dict[str, Node]:
    query = dict.fromkeys(resource.query, TEXT)
    if resource.is_list:
        limit: Node = {"type": "integer", "minimum": 1, "maximum": LARGEST_PAGE}
        query |= {"limit": limit, "after": TEXT}
    return query


def _headers(resource: Resource) -> dict[str, tuple[Node, bool]]:
    if resource.method == "POST":
        return {"Idempotency-Key": (KEY, False), "If-Match": (TAG, False)}
    return {"If-Match": (TAG, True)} if resource.method in GUARDED else {}

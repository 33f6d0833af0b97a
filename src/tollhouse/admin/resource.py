"""A row of the Admin API: a path, what it takes and gives, and who answers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from tollhouse.admin.asking import Answer, Asking
from tollhouse.domain.errors import FieldInvalid

Node = dict[str, Any]
Serve = Callable[[Asking], Awaitable[Answer]]

ROOT = "/admin/v1"
MOST_BODY_BYTES = 64 * 1024
GUARDED = frozenset({"PATCH", "PUT", "DELETE"})
"""Methods that change what somebody has looked at: they say which state they saw."""


class BodyUnfit(FieldInvalid):
    """As other gateways' clients are told of it."""

    status = 422


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    name: str
    method: str
    path: str
    """After the root. What ends in `/` takes an id at its end, which may have a `/` in it, written `%2F`."""

    serve: Serve
    summary: str
    operations: Sequence[str]
    """Of the table: what a request to it may come to."""

    body: type[msgspec.Struct] | None = None
    most_bytes: int = MOST_BODY_BYTES
    """Of its body, if it takes one."""

    query: Sequence[str] = ()
    is_list: bool = False
    is_guarded: bool = True
    """Whether a change says which state it saw."""

    unfit: type[FieldInvalid] = FieldInvalid
    """What becomes of a body or a query that does not fit."""


def body_schema(body: type[msgspec.Struct]) -> Node:
    """Without references: each stands for itself."""
    schema = msgspec.json.schema(body)
    definitions = schema.pop("$defs", {})
    found: Node = _inlined(schema, definitions)
    found.pop("title", None)
    return found


def _inlined(node: Any, definitions: Mapping[str, Any]) -> Any:
    if isinstance(node, list):
        return [_inlined(each, definitions) for each in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        return _inlined(definitions[node["$ref"].rpartition("/")[2]], definitions)
    return {name: _inlined(each, definitions) for name, each in node.items()}

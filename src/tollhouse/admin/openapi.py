"""The OpenAPI document: the route tables and the error registry, written down. Pure.

What can be answered is the registry's, so a code that is added there is documented here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from tollhouse.admin import ollama_shapes
from tollhouse.admin.resource_shapes import resource_shapes
from tollhouse.admin.shape import Shape
from tollhouse.admin.shapes import shape_of
from tollhouse.domain.errors import REGISTRY, Failure, Problem, Unauthenticated
from tollhouse.pipeline.route import ID, Metered, Route, Takes

Node = dict[str, Any]

DOOR = {
    *("http_malformed", "headers_too_large", "target_too_long", "target_invalid"),
    *("host_not_allowed", "origin_not_allowed", "request_timed_out"),
}
"""Refused before there is a route, and so in no dialect."""

OF_BROWSERS = {"session_over", "login_refused", "csrf_token_invalid"}
OF_SESSIONS = {"session_over", "csrf_token_invalid", "origin_not_allowed"}
"""What the Admin API answers to whoever shows a session in place of a token."""

ANYWHERE = {
    *("overloaded", "internal", "audit_unavailable", "store_unavailable", "too_many_failures"),
    *(code for code, kind in REGISTRY.items() if issubclass(kind, Unauthenticated)),
} - OF_BROWSERS
OF_BODIES = {
    *("media_type_unsupported", "body_too_large", "length_required"),
    *("json_malformed", "json_duplicate_key", "json_too_deep", "field_refused"),
    "request_timed_out",
}
OF_NAMES = {"model_unknown", "field_invalid"}
OF_JSON = {"json_too_wide"}
ONLY_JSON = {"json_malformed", "json_duplicate_key", "json_too_deep", *OF_JSON}
ONLY_FORMS = {"form_malformed", "uploads_full"}
OF_MANAGEMENT = {"not_offered"}
OF_RECEIPTS = {"receipt_unknown", "receipt_pending"}
OF_KEEPERS = {
    *(code for code, kind in REGISTRY.items() if issubclass(kind, Failure)),
    *("rate_limited", "limiter_unavailable", "file_unknown", "batch_unknown", "field_invalid"),
}
"""Of what a provider keeps: it is asked for it, and may fail."""

OF_FILES = {
    "batch_unknown",
    "file_unknown",
    "files_not_kept",
    "file_home_undecided",
    "too_many_files",
}
OF_ACTS = {
    *("role_insufficient", "not_found", "conflict", "in_use", "last_owner", "precondition_failed"),
    *("precondition_required", "idempotency_mismatch", "already_done"),
}
OF_LOOKS = {"role_insufficient", "not_found", "conflict"}
NOWHERE = {"route_unknown", "method_not_allowed", "login_refused"}
"""What a path or a method gets that is not in this document: pages are not."""

OF_CALLS = set(REGISTRY) - NOWHERE - OF_ACTS - OF_BROWSERS - (DOOR - OF_BODIES)
OF_CALLS -= OF_MANAGEMENT | OF_RECEIPTS

PROBLEM_JSON = "application/problem+json"


def document(
    calls: Iterable[Route],
    administration: Iterable[Route],
    open_paths: Iterable[str],
    *,
    version: str,
    admin_url: str | None,
) -> Node:
    """`admin_url` is where the admin listener stands; None if there is none."""
    paths: dict[str, Node] = {}
    for route in calls:
        paths.setdefault(_path(route), {})[route.method.lower()] = _operation(route, "key")
    for path in open_paths:
        paths[path] = {"get": _open(path)}
    for route in administration if admin_url else ():
        item = paths.setdefault(_path(route), {"servers": [{"url": admin_url}]})
        item[route.method.lower()] = _operation(route, "admin_token")
    return {
        "openapi": "3.1.0",
        "info": {"title": "Tollhouse", "version": version},
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {"securitySchemes": _SCHEMES},
    }


def codes(route: Route) -> set[str]:
    """Of the registry: what a route may answer in its dialect."""
    if route.is_plain:
        of_bodies = OF_BODIES | OF_JSON if route.max_body_bytes else set()
        of_acts = OF_ACTS if route.method != "GET" else OF_LOOKS
        return ANYWHERE | OF_SESSIONS | of_acts | {"field_invalid", "upstream_timeout"} | of_bodies
    if route.metered is Metered.TOKENS:
        others = ONLY_FORMS if route.takes is Takes.JSON else ONLY_JSON
        return OF_CALLS - OF_FILES - others
    if route.name in ("file_upload", "batch_create"):
        return OF_CALLS
    if route.name.startswith(("file_", "batch_")):
        return ANYWHERE | OF_KEEPERS
    if route.name == "receipt":
        return ANYWHERE | OF_RECEIPTS
    if route.name == "ollama_manage":
        return ANYWHERE | OF_MANAGEMENT
    return ANYWHERE | OF_NAMES | (OF_BODIES | OF_JSON if route.max_body_bytes else set())


def _operation(route: Route, scheme: str) -> Node:
    described = resource_shapes() if scheme == "admin_token" else {}
    shape = described.get(route.name) or shape_of(route.name, route.path)
    operation: Node = {
        "operationId": _id(route.method, route.path),
        "summary": shape.summary,
        "tags": [route.name],
        "security": [{scheme: []}],
        "responses": {**_answer(shape), **_refusals(route)},
        "x-tollhouse": {
            "route": route.name,
            "metered": route.metered.value,
            "audited": route.audited.value,
            "cancelled": route.cancelled.value,
            "deadline_s": route.deadline_s,
            "max_body_bytes": route.max_body_bytes,
        },
    }
    if route.path.endswith("/"):
        operation["parameters"] = [
            {"name": "name", "in": "path", "required": True, "schema": _NAME}
        ]
    elif ID in route.path:
        operation["parameters"] = [{"name": "id", "in": "path", "required": True, "schema": _NAME}]
    elif shape.query:
        operation["parameters"] = [
            {"name": name, "in": "query", "schema": schema} for name, schema in shape.query.items()
        ]
    if shape.headers:
        operation.setdefault("parameters", []).extend(
            {"name": name, "in": "header", "schema": schema, "required": is_required}
            for name, (schema, is_required) in shape.headers.items()
        )
    if shape.body is not None:
        content = {route.takes.value: {"schema": shape.body}}
        operation["requestBody"] = {"required": True, "content": content}
    return operation


def _open(path: str) -> Node:
    said = {"text/plain": {}} if path == "/" else _json({"type": "object"})
    responses: Node = {"200": {"description": "It lives.", "content": said}}
    if path == "/health/ready":
        described = {"description": "It cannot decide.", "content": _json({"type": "object"})}
        responses["503"] = described
    return {
        "operationId": _id("GET", path),
        "summary": "For anybody: nothing about the house but that it lives.",
        "tags": ["open"],
        "security": [],
        "responses": {**responses, **_by_status({}, DOOR)},
    }


def _answer(shape: Shape) -> Node:
    content = {
        media: {"schema": schema} if schema else {} for media, schema in shape.answers.items()
    }
    answer = {"description": "The answer.", "content": content}
    return {str(shape.status): answer} if content else {}


def _refusals(route: Route) -> Node:
    if route.is_plain:
        return _by_status({}, codes(route) | DOOR)
    is_ollama = route.dialect.name.startswith("ollama")
    return _by_status(codes(route), DOOR, ollama_shapes.error if is_ollama else _error)


def _error(codes: list[str]) -> Node:
    error = {
        "type": "object",
        "required": ["message", "type", "code"],
        "properties": {
            "message": {"type": "string"},
            "type": {"type": "string"},
            "param": {"type": ["string", "null"]},
            "code": {"enum": codes},
        },
    }
    return {
        "type": "object",
        "required": ["error", "request_id"],
        "properties": {
            "type": {"const": "error"},
            "error": error,
            "request_id": {"type": "string"},
        },
        "x-tollhouse-codes": codes,
    }


def _by_status(
    in_dialect: Iterable[str], plain: Iterable[str], error: Callable[[list[str]], Node] = _error
) -> Node:
    """One response for each status, in each form, with the codes that it may bear."""
    found: dict[int, Node] = {}
    for media, wanted, schema in (
        ("application/json", in_dialect, lambda kinds: error(_codes(kinds))),
        (PROBLEM_JSON, plain, _problem),
    ):
        for status, kinds in _grouped(wanted).items():
            found.setdefault(status, {})[media] = {"schema": schema(kinds)}
    return {str(status): _refusal(status, found[status]) for status in sorted(found)}


def _refusal(status: int, content: Node) -> Node:
    said = [
        REGISTRY[code].title
        for form in content.values()
        for code in form["schema"]["x-tollhouse-codes"]
    ]
    answer: Node = {"description": " ".join(dict.fromkeys(said)), "content": content}
    if status == Unauthenticated.status:
        answer["headers"] = {"www-authenticate": {"schema": {"type": "string"}}}
    return answer


def _grouped(wanted: Iterable[str]) -> dict[int, list[type[Problem]]]:
    grouped: dict[int, list[type[Problem]]] = {}
    for code in sorted(wanted):
        grouped.setdefault(REGISTRY[code].status, []).append(REGISTRY[code])
    return grouped


def _problem(kinds: list[type[Problem]]) -> Node:
    texts = ("type", "title", "detail", "instance", "request_id")
    return {
        "type": "object",
        "required": [*texts, "status", "code"],
        "properties": {
            **{name: {"type": "string"} for name in texts},
            "status": {"const": kinds[0].status},
            "code": {"enum": _codes(kinds)},
            "param": {"type": "string"},
        },
        "x-tollhouse-codes": _codes(kinds),
    }


def _codes(kinds: list[type[Problem]]) -> list[str]:
    return [kind.code for kind in kinds]


def _path(route: Route) -> str:
    return f"{route.path}{{name}}" if route.path.endswith("/") else route.path


def _id(method: str, path: str) -> str:
    """`/v1/models/` has a tail, and so another id than `/v1/models`."""
    words = [word.strip("{}") for word in path.split("/") if word]
    return "_".join([method.lower(), *words, *(["one"] if path.endswith("/") else [])])


def _json(schema: Node) -> Node:
    return {"application/json": {"schema": schema}}


_NAME = {"type": "string", "minLength": 1, "maxLength": 200}
_SCHEMES = {
    "key": {
        "type": "http",
        "scheme": "bearer",
        "description": "A virtual key, `thk_…`.",
    },
    "admin_token": {
        "type": "http",
        "scheme": "bearer",
        "description": "`tha_…`, minted on the host with `tollhouse admin token`.",
    },
}

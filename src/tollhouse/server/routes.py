"""The one route table: a path that is not in it does not exist."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from tollhouse.pipeline.batches import cancel_batch, create_batch, list_batches, show_batch
from tollhouse.pipeline.count import count
from tollhouse.pipeline.files import delete_file, list_files, read_file, show_file
from tollhouse.pipeline.list_models import describe_models, list_models
from tollhouse.pipeline.ollama_models import list_running, offer_nothing, show, tags
from tollhouse.pipeline.receipts import show_receipt
from tollhouse.pipeline.refuse import refuse
from tollhouse.pipeline.route import (
    Audited,
    Cancelled,
    Does,
    Metered,
    Route,
    RouteTable,
    Serve,
    Takes,
)
from tollhouse.pipeline.serve import serve
from tollhouse.pipeline.upload import upload
from tollhouse.ports import Dialect

CALL_S = 1800.0
COUNT_S = 60.0
LIST_S = 10.0
BATCH_S = 600.0
"""Whoever sees the end of one reads all of its results."""
MIB = 1024 * 1024
MOST_OF_A_RECORDING = 26 * MIB
"""25 MiB, as OpenAI takes it, and what goes with it."""

MOST_OF_PICTURES = 64 * MIB
"""Of a form with all its images."""

MOST_OF_A_NAME = 64 * 1024
"""A body that only names a model."""


READING = frozenset({"GET", "HEAD", ""})
"""The last of what nobody calls, or nothing takes."""

AROUND_A_FILE = 64 * 1024
"""What else is in the form that it comes in."""


@dataclass(frozen=True, slots=True)
class OllamaPaths:
    """How Ollama's part of the door stands."""

    max_body_bytes: int = 10 * MIB
    are_names_open: bool = False
    takes: Takes = Takes.JSON


OLLAMA = OllamaPaths()


def route_table(
    dialects: Mapping[str, Dialect],
    max_body_bytes: int,
    ollama: OllamaPaths = OLLAMA,
    max_file_bytes: int = 512 * MIB,
) -> RouteTable:
    """`dialects` by the names of the routes on which they are spoken."""
    chat = dialects["chat"]

    def metered(name: str, *paths: str) -> list[Route]:
        return [_metered(name, path, dialects[name], max_body_bytes) for path in paths]

    def form(name: str, most: int, path: str) -> list[Route]:
        each = [
            _metered(name, before + path, dialects[name], most) for before in ("/v1", "/api/v1")
        ]
        return [replace(route, takes=Takes.FORM) for route in each]

    return RouteTable(
        *metered("chat", "/v1/chat/completions", "/api/v1/chat/completions", "/chat/completions"),
        *metered("responses", "/v1/responses", "/api/v1/responses", "/responses"),
        *metered("completions", "/v1/completions", "/api/v1/completions"),
        *metered("embeddings", "/v1/embeddings", "/api/v1/embeddings"),
        *metered("moderations", "/v1/moderations", "/api/v1/moderations"),
        *metered("rerank", "/v1/rerank", "/v2/rerank", "/api/v1/rerank", "/rerank"),
        *metered("images", "/v1/images/generations", "/api/v1/images/generations"),
        *metered("speech", "/v1/audio/speech", "/api/v1/audio/speech"),
        *form("edits", MOST_OF_PICTURES, "/images/edits"),
        *form("variations", MOST_OF_PICTURES, "/images/variations"),
        *form("transcriptions", MOST_OF_A_RECORDING, "/audio/transcriptions"),
        *form("translations", MOST_OF_A_RECORDING, "/audio/translations"),
        *metered("messages", "/v1/messages", "/api/v1/messages"),
        *[
            _count(path, dialects["count"], max_body_bytes)
            for path in ("/v1/messages/count_tokens", "/api/v1/messages/count_tokens")
        ],
        _models("/v1/models", chat),
        _models("/v1/models/", chat),
        _models("/api/v1/models", chat),
        _models("/api/v1/models/", chat),
        *[
            _free("models_metadata", "GET", path, chat, describe_models, is_plain=False)
            for path in ("/v1/models/metadata", "/api/v1/models/metadata")
        ],
        *_files(chat, max_file_bytes),
        *_batches(chat),
        _free("receipt", "GET", "/v1/receipts/{id}", chat, show_receipt, is_plain=False),
        *_ollama(dialects, ollama),
    )


def _files(dialect: Dialect, max_file_bytes: int) -> list[Route]:
    """What is kept for the caller's project. To look at it costs nothing."""

    def free(name: str, method: str, path: str, serve: Serve, deadline_s: float) -> Route:
        route = _free(name, method, path, dialect, serve, is_plain=False)
        return replace(route, deadline_s=deadline_s)

    taking = free("file_upload", "POST", "/v1/files", upload, CALL_S)
    return [
        replace(taking, takes=Takes.FORM, max_body_bytes=max_file_bytes + AROUND_A_FILE),
        free("file_list", "GET", "/v1/files", list_files, LIST_S),
        free("file_show", "GET", "/v1/files/{id}", show_file, LIST_S),
        free("file_delete", "DELETE", "/v1/files/{id}", delete_file, COUNT_S),
        free("file_content", "GET", "/v1/files/{id}/content", read_file, CALL_S),
    ]


def _batches(dialect: Dialect) -> list[Route]:
    """What runs at a provider for the caller's project, and what it comes to."""

    def free(name: str, method: str, path: str, serve: Serve, deadline_s: float) -> Route:
        route = _free(name, method, path, dialect, serve, is_plain=False)
        return replace(route, deadline_s=deadline_s)

    creating = free("batch_create", "POST", "/v1/batches", create_batch, BATCH_S)
    return [
        replace(creating, metered=Metered.BATCH, max_body_bytes=MOST_OF_A_NAME),
        free("batch_list", "GET", "/v1/batches", list_batches, LIST_S),
        free("batch_show", "GET", "/v1/batches/{id}", show_batch, BATCH_S),
        free("batch_cancel", "POST", "/v1/batches/{id}/cancel", cancel_batch, BATCH_S),
    ]


def looking(dialect: Dialect) -> Route:
    """For the gateway's own looks at batches: nobody calls it."""
    return _free("batch_look", "", "/", dialect, refuse, is_plain=True)


def _ollama(dialects: Mapping[str, Dialect], paths: OllamaPaths) -> list[Route]:
    dialect = dialects["ollama_chat"]

    def free(name: str, serve: Serve, *methods_and_paths: str, most: int = 0) -> list[Route]:
        return [
            _free(name, method, path, dialect, serve, is_plain=False, max_body_bytes=most)
            for method, path in map(str.split, methods_and_paths)
        ]

    metered = {
        "ollama_chat": "/api/chat",
        "ollama_generate": "/api/generate",
        "ollama_embed": "/api/embed",
        "ollama_embeddings": "/api/embeddings",
    }
    routes = [
        *(
            _metered(name, path, dialects[name], paths.max_body_bytes)
            for name, path in metered.items()
        ),
        *free("ollama_tags", tags(is_open=paths.are_names_open), "GET /api/tags", "HEAD /api/tags"),
        *[
            replace(route, does=Does.READS)
            for route in free(
                *("ollama_show", show(is_open=paths.are_names_open), "POST /api/show"),
                most=MOST_OF_A_NAME,
            )
        ],
        *free("ollama_ps", list_running, "GET /api/ps", "HEAD /api/ps"),
        *free(
            "ollama_manage",
            offer_nothing,
            *("POST /api/pull", "POST /api/push", "POST /api/create", "POST /api/copy"),
            *("DELETE /api/delete", "POST /api/blobs/", "HEAD /api/blobs/"),
        ),
    ]
    return [replace(route, takes=paths.takes) for route in routes]


def unrouted(dialect: Dialect) -> Route:
    """For what no route takes: it is recorded too."""
    return _free("unrouted", "", "/", dialect, refuse, is_plain=True)


def _metered(name: str, path: str, dialect: Dialect, max_body_bytes: int) -> Route:
    return Route(
        name=name,
        method="POST",
        path=path,
        dialect=dialect,
        serve=serve,
        metered=Metered.TOKENS,
        does=Does.CHANGES,
        guardrails=(),
        deadline_s=CALL_S,
        cancelled=Cancelled.WITH_CALLER,
        audited=Audited.ALWAYS,
        takes=Takes.JSON,
        max_body_bytes=max_body_bytes,
        is_plain=False,
    )


def _count(path: str, dialect: Dialect, max_body_bytes: int) -> Route:
    free = _free("count", "POST", path, dialect, count, is_plain=False)
    return replace(free, does=Does.READS, deadline_s=COUNT_S, max_body_bytes=max_body_bytes)


def _models(path: str, dialect: Dialect) -> Route:
    return _free("models", "GET", path, dialect, list_models, is_plain=False)


def _free(
    name: str,
    method: str,
    path: str,
    dialect: Dialect,
    serve: Serve,
    *,
    is_plain: bool,
    max_body_bytes: int = 0,
) -> Route:
    return Route(
        name=name,
        method=method,
        path=path,
        dialect=dialect,
        serve=serve,
        metered=Metered.FREE,
        does=Does.READS if method in READING else Does.CHANGES,
        guardrails=(),
        deadline_s=LIST_S,
        cancelled=Cancelled.WITH_CALLER,
        audited=Audited.ALWAYS,
        takes=Takes.JSON,
        max_body_bytes=max_body_bytes,
        is_plain=is_plain,
    )

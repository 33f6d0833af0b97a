"""The one route table: a path that is not in it does not exist."""

from __future__ import annotations

from collections.abc import Mapping

from tollhouse.pipeline.list_models import list_models
from tollhouse.pipeline.refuse import refuse
from tollhouse.pipeline.route import Audited, Cancelled, Metered, Route, RouteTable, Serve
from tollhouse.pipeline.serve import serve
from tollhouse.ports import Dialect

CALL_S = 1800.0
LIST_S = 10.0


def route_table(dialects: Mapping[str, Dialect], max_body_bytes: int) -> RouteTable:
    """`dialects` by the names of the routes on which they are spoken."""
    chat = dialects["chat"]

    def metered(name: str, *paths: str) -> list[Route]:
        return [_metered(name, path, dialects[name], max_body_bytes) for path in paths]

    return RouteTable(
        *metered("chat", "/v1/chat/completions", "/api/v1/chat/completions", "/chat/completions"),
        *metered("responses", "/v1/responses", "/api/v1/responses", "/responses"),
        *metered("completions", "/v1/completions", "/api/v1/completions"),
        *metered("embeddings", "/v1/embeddings", "/api/v1/embeddings"),
        *metered("moderations", "/v1/moderations", "/api/v1/moderations"),
        *metered("rerank", "/v1/rerank", "/v2/rerank", "/api/v1/rerank", "/rerank"),
        *metered("images", "/v1/images/generations", "/api/v1/images/generations"),
        *metered("speech", "/v1/audio/speech", "/api/v1/audio/speech"),
        _models("/v1/models", chat),
        _models("/v1/models/", chat),
        _models("/api/v1/models", chat),
    )


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
        guardrails=(),
        deadline_s=CALL_S,
        cancelled=Cancelled.WITH_CALLER,
        audited=Audited.ALWAYS,
        max_body_bytes=max_body_bytes,
        is_plain=False,
    )


def _models(path: str, dialect: Dialect) -> Route:
    return _free("models", "GET", path, dialect, list_models, is_plain=False)


def _free(
    name: str, method: str, path: str, dialect: Dialect, serve: Serve, *, is_plain: bool
) -> Route:
    return Route(
        name=name,
        method=method,
        path=path,
        dialect=dialect,
        serve=serve,
        metered=Metered.FREE,
        guardrails=(),
        deadline_s=LIST_S,
        cancelled=Cancelled.WITH_CALLER,
        audited=Audited.ALWAYS,
        max_body_bytes=0,
        is_plain=is_plain,
    )

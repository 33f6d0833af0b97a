"""The admin API's own table. The data plane knows none of it, and it none of the data plane."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from tollhouse.admin.asking import Office
from tollhouse.admin.comers import comes
from tollhouse.admin.resource import ROOT
from tollhouse.admin.resources import RESOURCES
from tollhouse.admin.serving import serving
from tollhouse.pipeline.call import Call
from tollhouse.pipeline.house import House
from tollhouse.pipeline.record import recorded
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
from tollhouse.pipeline.within import within
from tollhouse.ports import Dialect

DEADLINE_S = 10.0


def admin_table(
    dialect: Dialect, description: bytes = b"", office: Office | None = None
) -> RouteTable:
    """`dialect` is spoken by nobody: refusals are RFC 9457."""
    return RouteTable(
        route("description", "GET", "/openapi.json", dialect, _says(description, office)),
        *(
            route(
                each.name,
                each.method,
                f"{ROOT}{each.path}",
                dialect,
                serving(each, office),
                each.most_bytes if each.body else 0,
            )
            for each in RESOURCES
        ),
    )


def unrouted(dialect: Dialect) -> Route:
    return route("unrouted", "", "/", dialect, refuse)


def _says(body: bytes, office: Office | None) -> Callable[[Call, House], Awaitable[None]]:
    async def say(call: Call, house: House) -> None:
        with recorded(call, house) as record, within(call.route.deadline_s):
            if office is None:
                raise RuntimeError("the admin API has no office")
            await comes(call, record, house, office)
            length = (b"content-length", b"%d" % len(body))
            await call.reply.start(200, ((b"content-type", b"application/json"), length))
            await call.reply.end(body)

    return say


def route(
    name: str, method: str, path: str, dialect: Dialect, serve: Serve, max_body_bytes: int = 0
) -> Route:
    return Route(
        name=name,
        method=method,
        path=path,
        dialect=dialect,
        serve=serve,
        metered=Metered.FREE,
        does=Does.READS if method == "GET" else Does.CHANGES,
        guardrails=(),
        deadline_s=DEADLINE_S,
        cancelled=Cancelled.WITH_CALLER,
        audited=Audited.ALWAYS,
        takes=Takes.JSON,
        max_body_bytes=max_body_bytes,
        is_plain=True,
    )

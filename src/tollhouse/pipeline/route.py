"""A route says everything that will happen to its calls. One that leaves something out cannot be made."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from tollhouse.ports import Dialect

if TYPE_CHECKING:
    from tollhouse.pipeline.call import Call
    from tollhouse.pipeline.house import House


Serve = Callable[["Call", "House"], Awaitable[None]]


class Metered(StrEnum):
    TOKENS = "tokens"
    FREE = "free"
    BATCH = "batch"  # for all of its lines, when it is created; settled when it has ended


class Takes(StrEnum):
    """What a body has to be."""

    JSON = "application/json"
    FORM = "multipart/form-data"
    FIELDS = "application/x-www-form-urlencoded"
    JSON_BY_ANY_NAME = "JSON, as whatever it is sent"


class Cancelled(StrEnum):
    """What a hang-up does."""

    WITH_CALLER = "with_caller"  # the upstream is cancelled at once


class Does(StrEnum):
    """What a call of it comes to."""

    READS = "reads"
    CHANGES = "changes"  # or spends: who may only read is refused


class Audited(StrEnum):
    ALWAYS = "always"


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    name: str
    method: str
    path: str
    dialect: Dialect
    serve: Serve
    metered: Metered
    does: Does
    guardrails: tuple[str, ...]
    """By name. There are none yet, and a route that names one that does not exist cannot be made."""

    deadline_s: float
    cancelled: Cancelled
    audited: Audited
    takes: Takes
    max_body_bytes: int
    is_plain: bool
    """Whether refusals are RFC 9457, because no dialect is spoken here."""


ID = "{id}"


class RouteTable:
    """All that can be called. An unknown path is refused and never forwarded."""

    def __init__(self, *routes: Route) -> None:
        self._routes: dict[str, dict[str, Route]] = {}
        self._around: dict[tuple[str, str], dict[str, Route]] = {}
        """By what stands before and behind an id, of paths with `{id}` in them."""

        for route in routes:
            self._add(route)

    def find(self, path: str) -> tuple[dict[str, Route], str]:
        """The routes of a path by method, and the id in it or what follows a path that ends in `/`."""
        if routes := self._routes.get(path):
            return routes, ""
        for (before, behind), routes in self._around.items():
            if path.startswith(before) and path.endswith(behind):
                named = path[len(before) : len(path) - len(behind)]
                if named and "/" not in named:
                    return routes, named
        for stem, routes in self._routes.items():
            if stem.endswith("/") and path.startswith(stem):
                return routes, path.removeprefix(stem)
        return {}, ""

    def __iter__(self) -> Iterator[Route]:
        return (route for methods in self._routes.values() for route in methods.values())

    def _add(self, route: Route) -> None:
        if not route.path.startswith("/") or route.deadline_s <= 0 or route.max_body_bytes < 0:
            raise ValueError(f"route {route.name!r} is not declared whole")
        if route.guardrails:
            raise ValueError(f"route {route.name!r} names guardrails that do not exist")
        methods = self._routes.setdefault(route.path, {})
        if route.method in methods:
            raise ValueError(f"{route.method} {route.path} is declared twice")
        methods[route.method] = route
        before, named, behind = route.path.partition(ID)
        if named:
            self._around[before, behind] = methods

"""The console's own paths, beside those of the Admin API. To log on one cannot have logged on: they are open."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial

from tollhouse.admin.asking import Office
from tollhouse.admin.console import claims, home, logins, pages
from tollhouse.admin.console.logins import SignOn
from tollhouse.admin.console.serving import Answer, visited
from tollhouse.admin.routes import route
from tollhouse.pipeline.route import Route, Takes
from tollhouse.ports import Dialect

MOST_BODY_BYTES = 4096


def console_routes(
    dialect: Dialect, office: Office | None = None, providers: Mapping[str, SignOn] = {}
) -> Iterator[Route]:
    """`dialect` is spoken by nobody."""

    def row(name: str, method: str, path: str, answer: Answer) -> Route:
        most = MOST_BODY_BYTES if method == "POST" else 0
        made = route(name, method, path, dialect, visited(answer, office), most)
        return replace(made, takes=Takes.FIELDS)

    yield row("console_home", "GET", pages.HOME, home.home)
    yield row("console_login", "GET", pages.LOGIN, home.offered)
    yield row("console_begun", "POST", f"{pages.LOGIN}/", partial(logins.begun, providers))
    yield row("console_back", "GET", f"{pages.BACK}/", partial(logins.back, providers))
    yield row("console_logout", "POST", pages.LOGOUT, home.logout)
    yield row("console_claim", "GET", pages.CLAIM, claims.opened)
    yield row("console_claimed", "POST", pages.CLAIM, claims.used)

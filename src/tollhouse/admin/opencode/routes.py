"""The rows under `/api/v1/auth`, in the one table that the door serves."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from tollhouse.admin.opencode.logging_in import Reception, logging_in, logging_out
from tollhouse.admin.routes import route
from tollhouse.pipeline.route import Does, Route
from tollhouse.ports import Dialect

ROOT = "/api/v1/auth"
MOST_BODY_BYTES = 4 * 1024


def opencode_routes(dialect: Dialect, reception: Reception | None = None) -> Iterator[Route]:
    """Without a reception they are described, and not served. Whoever only reads may log out as well."""
    token = logging_in(reception)
    leave = logging_out(reception)
    for each in (
        route("opencode_token", "POST", f"{ROOT}/token", dialect, token, MOST_BODY_BYTES),
        route("opencode_logout", "POST", f"{ROOT}/logout", dialect, leave),
    ):
        yield replace(each, is_plain=False, does=Does.READS)

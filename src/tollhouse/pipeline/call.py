"""One request as the pipeline sees it: bytes in, a reply out, and nothing of the server."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence

from tollhouse.domain.certificates import Certificate
from tollhouse.domain.errors import Problem
from tollhouse.domain.values import value
from tollhouse.pipeline.route import Route
from tollhouse.ports import Body, Reply


@value
class Call:
    id: str
    """Ours, and unique: the ledger knows the call by it."""

    request_id: str
    """The caller's if it fits the pattern, for finding each other's traces."""

    route: Route
    path_rest: str
    """What follows the route's path, as the id in `/v1/models/ID`."""

    query: bytes
    headers: Sequence[tuple[bytes, bytes]]
    """Names in lower case, as they came."""

    fields: Mapping[bytes, bytes]
    """The same by their names, for those that come but once."""

    peer: str
    began_ns: int
    read_body: Callable[[], Awaitable[Body]]
    reply: Reply
    refusal: Problem | None = None
    """What the door found wrong with it: then it is written down, and nothing else."""

    certificate: Certificate | None = None
    """What the caller's connection showed; None for most."""

    def header(self, name: bytes) -> bytes | None:
        for each, content in self.headers:
            if each == name:
                return content
        return None

"""An upstream whose address may change: a child process that was started again."""

from __future__ import annotations

from collections.abc import Callable

from tollhouse.domain.exchange import Deadlines, Sending
from tollhouse.ports import Exchange
from tollhouse.upstream.client import HttpUpstream
from tollhouse.upstream.way import way_to


class MovingUpstream:
    """Implements Upstream. Asks for the address before each request."""

    def __init__(self, url: Callable[[], str], deadlines: Deadlines, max_connections: int) -> None:
        self._url = url
        self._max_connections = max_connections
        self._deadlines = deadlines
        self._at = ""
        self._upstream: HttpUpstream | None = None

    def send(self, sending: Sending) -> Exchange:
        url = self._url()
        if self._upstream is None or url != self._at:
            self._at = url
            self._upstream = HttpUpstream(
                way_to(url), deadlines=self._deadlines, max_connections=self._max_connections
            )
        return self._upstream.send(sending)

    async def aclose(self) -> None:
        if self._upstream is not None:
            await self._upstream.aclose()

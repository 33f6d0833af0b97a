"""uvicorn's HTTP/1.1 protocol with two things added: a hang-up is noticed in every phase, and
a reply can be left without an end that would look like one.

The task that answers a request is cancelled when its connection is lost, so whoever waits
for an upstream learns of it at once. No type of the framework is seen past this file and
`reply`.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle


class Connection(HttpToolsProtocol):
    _answering: asyncio.Task[Any] | None = None

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        cycle.scope["state"]["connection"] = self
        self._answering = task = self.loop.create_task(cycle.run_asgi(app))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    def connection_lost(self, exc: Exception | None) -> None:
        is_answered = (
            self._answering is None or self.cycle.response_complete or self.cycle.disconnected
        )
        super().connection_lost(exc)
        if self._answering is not None and not is_answered:
            self._answering.cancel()
        self._answering = None

    def has_whole_body(self) -> bool:
        return not self.cycle.more_body

    @property
    def is_lost(self) -> bool:
        return self.parser is None

    def cut(self, last: bytes) -> None:
        """Write a last chunk, then close without the one that ends the body."""
        if not self.transport.is_closing():
            self.transport.write(b"%x\r\n%b\r\n" % (len(last), last))
            self.transport.close()
        self.cycle.disconnected = True

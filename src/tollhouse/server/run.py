"""One serving process: opens the house, answers, and drains when it is asked to stop."""

from __future__ import annotations

import asyncio
import gc
import socket
import ssl
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from types import FrameType

import uvicorn

from tollhouse.server.app import App
from tollhouse.server.protocol import Connection

KEEP_ALIVE_S = 75
YOUNG_OBJECTS = 20_000


class Draining:
    """Whether the gateway was asked to stop: readiness goes off before the door closes."""

    def __init__(self) -> None:
        self.is_on = False


async def answer(
    open_app: Callable[[], AbstractAsyncContextManager[App]],
    listener: socket.socket,
    *,
    draining: Draining,
    drain_s: float,
    most_at_once: int,
    tls: ssl.SSLContext | None,
    on_ready: Callable[[], None],
) -> None:
    """Answer on the listener until a signal comes and the calls under way are done or out of time."""
    async with open_app() as app:
        _settle_memory()
        server = _server(app, draining, drain_s, most_at_once, tls)
        announcing = asyncio.create_task(_announce(server, on_ready))
        try:
            await server.serve(sockets=[listener])
        finally:
            announcing.cancel()


def _settle_memory() -> None:
    """What stands by now stays: the collector need not look at it again, nor look so often."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS, 20, 50)


def _server(
    app: App, draining: Draining, drain_s: float, most_at_once: int, tls: ssl.SSLContext | None
) -> uvicorn.Server:
    config = uvicorn.Config(
        app,
        http=Connection,
        ws="none",
        loop="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=False,
        limit_concurrency=most_at_once,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=max(1, round(drain_s)),
        ssl_context_factory=(lambda *_: tls) if tls is not None else None,
    )
    return _DrainingServer(config, draining)


class _DrainingServer(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, draining: Draining) -> None:
        super().__init__(config)
        self._draining = draining

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._draining.is_on = True
        super().handle_exit(sig, frame)


async def _announce(server: uvicorn.Server, on_ready: Callable[[], None]) -> None:
    while not server.started:  # noqa: ASYNC110 - uvicorn sets a flag, not an event
        await asyncio.sleep(0.005)
    on_ready()

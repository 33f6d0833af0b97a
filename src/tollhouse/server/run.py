"""One serving process: opens the house, answers, and drains when it is asked to stop."""

from __future__ import annotations

import asyncio
import gc
import signal
import socket
import ssl
from collections.abc import Callable, Generator
from contextlib import AbstractAsyncContextManager, contextmanager
from types import FrameType

import uvicorn

from tollhouse.server.app import App
from tollhouse.server.protocol import Connection

KEEP_ALIVE_S = 75
LAST_WORDS_S = 3.0
"""What calls that are cut have for settling and for their records."""

YOUNG_OBJECTS = 20_000


class Draining:
    """Whether the gateway was asked to stop: readiness goes off before the door closes."""

    def __init__(self) -> None:
        self.is_on = False
        self._server: uvicorn.Server | None = None

    def heed_signals(self) -> None:
        """From now on for good: a signal while the house opens or closes must not leave it half done."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._heed)

    def stops(self, server: uvicorn.Server) -> None:
        self._server = server
        server.should_exit = self.is_on

    def begin(self) -> None:
        if self._server is not None:
            self._server.should_exit = True
        self.is_on = True

    def _heed(self, number: int, _frame: FrameType | None) -> None:
        if self._server is not None:
            self._server.force_exit = self.is_on and number == signal.SIGINT
        self.begin()


async def answer(
    open_app: Callable[[], AbstractAsyncContextManager[App]],
    listener: socket.socket,
    *,
    draining: Draining,
    drain_s: float,
    tls: ssl.SSLContext | None,
    on_ready: Callable[[], None],
) -> None:
    """Answer on the listener until a signal comes and the calls under way are done or out of time."""
    draining.heed_signals()
    async with open_app() as app:
        _settle_memory()
        server = _server(app, drain_s, tls)
        draining.stops(server)
        announcing = asyncio.create_task(_announce(server, on_ready))
        try:
            await server.serve(sockets=[listener])
            await _last_words(server)
        finally:
            announcing.cancel()


def _settle_memory() -> None:
    """What stands by now stays: the collector need not look at it again, nor look so often."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS, 20, 50)
    gc.enable()


def _server(app: App, drain_s: float, tls: ssl.SSLContext | None) -> uvicorn.Server:
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
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=max(1, round(drain_s)),
        ssl_context_factory=(lambda *_: tls) if tls is not None else None,
    )
    return _Server(config)


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Not its affair: it would raise them again at its end, when the house is still open."""
        yield


async def _last_words(server: uvicorn.Server) -> None:
    """Calls that ran out of time were only told so: they settle before the ledger closes."""
    if server.server_state.tasks:
        await asyncio.wait(set(server.server_state.tasks), timeout=LAST_WORDS_S)


async def _announce(server: uvicorn.Server, on_ready: Callable[[], None]) -> None:
    while not server.started:  # noqa: ASYNC110 - uvicorn sets a flag, not an event
        await asyncio.sleep(0.005)
    on_ready()

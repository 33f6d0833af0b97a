"""One serving process: opens the house, answers, and drains when it is asked to stop."""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
import socket
import ssl
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from types import FrameType

from tollhouse.server.door import Door

log = logging.getLogger("tollhouse.run")

HANDSHAKE_S = 10.0
YOUNG_OBJECTS = 20_000


class Draining:
    """Whether the gateway was asked to stop: readiness goes off before the door closes."""

    def __init__(self) -> None:
        self.is_on = False
        self.hurry = asyncio.Event()
        self._begun = asyncio.Event()
        self._loop = asyncio.get_running_loop()

    def heed_signals(self) -> None:
        """From now on for good: a signal while the house opens or closes must not leave it half done."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._heed)
        signal.signal(signal.SIGHUP, self._stay)

    def begin(self) -> None:
        self.is_on = True
        self._loop.call_soon_threadsafe(self._begun.set)

    async def begun(self) -> None:
        await self._begun.wait()

    def _heed(self, number: int, _frame: FrameType | None) -> None:
        if self.is_on and number == signal.SIGINT:
            self._loop.call_soon_threadsafe(self.hurry.set)
        self.begin()

    def _stay(self, _number: int, _frame: FrameType | None) -> None:
        told = "SIGHUP replaces the workers of a parent; this process has none and goes on"
        self._loop.call_soon_threadsafe(log.warning, told)


async def answer(
    open_door: Callable[[], AbstractAsyncContextManager[Door]],
    listener: socket.socket,
    *,
    draining: Draining,
    notice_s: float = 0,
    drain_s: float,
    tls: ssl.SSLContext | None,
    on_ready: Callable[[], None],
    handshake_s: float = HANDSHAKE_S,
) -> None:
    """Answer on the listener until a signal comes and the calls under way are done or out of time."""
    draining.heed_signals()
    async with open_door() as door:
        _settle_memory()
        server = await asyncio.get_running_loop().create_server(
            door.connection,
            sock=listener,
            ssl=tls,
            ssl_handshake_timeout=handshake_s if tls else None,
            start_serving=not draining.is_on,
        )
        watching = asyncio.create_task(door.watch())
        try:
            on_ready()
            await draining.begun()
            await door.give_notice(notice_s, draining.hurry)
            server.close()
            await door.drain(drain_s, draining.hurry)
        finally:
            watching.cancel()
            server.close()


def _settle_memory() -> None:
    """What stands by now stays: the collector need not look at it again, nor look so often."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS, 20, 50)
    gc.enable()

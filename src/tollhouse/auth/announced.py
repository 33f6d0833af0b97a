"""What an agent announces: each message replaces what it said before, and the last good one stays while it is away."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import Generic, TypeVar

from tollhouse.auth.protobuf import MessageInvalid
from tollhouse.domain.errors import Failure

T = TypeVar("T")

FIRST_WAIT_S, LONGEST_WAIT_S = 0.25, 5.0

log = logging.getLogger("tollhouse")

Listen = Callable[[], AsyncGenerator[bytes, None]]
"""Messages for as long as both sides like. Raises Failure, OSError."""


class Unheard(OSError):
    """It cannot be known at this moment what holds."""


class Announced(Generic[T]):
    """`times` is another number whenever something was said, or cannot be known any more."""

    def __init__(
        self,
        what: str,
        listen: Listen,
        read: Callable[[bytes], T],
        clock_s: Callable[[], float] = time.monotonic,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """`read` raises MessageInvalid."""
        self._what = what
        self._listen = listen
        self._read = read
        self._clock_s = clock_s
        self._pause = pause
        self._told: list[Callable[[], object]] = []
        self._said: T | None = None
        self._heard = asyncio.Event()
        self.trouble = "it has not answered yet"
        self.times = 0

    @property
    def said(self) -> T:
        """What holds as far as is known. Raises Unheard."""
        if self._said is None or self.trouble:
            raise Unheard(self.trouble)
        return self._said

    async def first(self) -> None:
        """Until something was said, or it is known that nothing will be for now."""
        await self._heard.wait()

    def tell(self, whom: Callable[[], object]) -> None:
        """Whoever is to be called whenever something was said, or cannot be known any more."""
        self._told.append(whom)

    async def keep(self) -> None:
        """Listen for ever."""
        wait_s = FIRST_WAIT_S
        while True:
            began_s = self._clock_s()
            try:
                async with aclosing(self._listen()) as messages:
                    async for raw in messages:
                        self._take(self._read(raw))
                trouble = "it has ended the stream"
            except (Failure, MessageInvalid, OSError) as error:
                trouble = _words(error)
            self._miss(trouble)
            if self._clock_s() - began_s >= LONGEST_WAIT_S:
                wait_s = FIRST_WAIT_S
            await self._pause(wait_s * random.uniform(0.5, 1))  # noqa: S311 - spreads
            wait_s = min(wait_s * 2, LONGEST_WAIT_S)

    def _take(self, said: T) -> None:
        if self.trouble:
            log.info("%s is heard of", self._what)
        self._said, self.trouble = said, ""
        self._turn()

    def _miss(self, trouble: str) -> None:
        if trouble == self.trouble:
            return
        self.trouble = trouble
        log.warning("%s cannot be had, what was said last stays: %s", self._what, trouble)
        self._turn()

    def _turn(self) -> None:
        self.times += 1
        self._heard.set()
        for each in self._told:
            each()


def _words(error: Exception) -> str:
    private = error.private if isinstance(error, Failure) else str(error)
    return private or repr(error)

"""One batch on its way; what arrives meanwhile goes together with the next.

The order of arrival is kept from batch to batch, and a batch names each call once.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Generic, TypeVar

from tollhouse.domain.errors import StoreUnavailable

T = TypeVar("T")
Send = Callable[[Sequence[T]], Awaitable[Sequence[Any]]]
Waiting = tuple[T, "asyncio.Future[Any]"]

LARGEST_BATCH = 512
LONGEST_QUEUE = 20_000


class Batching(Generic[T]):
    """`send` answers each item with a value, or with an Exception for that item alone."""

    def __init__(self, send: Send[T], *, name: Callable[[T], str]) -> None:
        self._send = send
        self._name = name
        self._queue: deque[Waiting[T]] = deque()
        self._sending: asyncio.Task[None] | None = None

    def add(self, item: T) -> asyncio.Future[Any]:
        """Done when its batch was answered. Nobody needs to wait for it: it is sent all the same."""
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        if len(self._queue) >= LONGEST_QUEUE:
            future.set_exception(
                StoreUnavailable(private="the ledger's queue is full", retry_after_s=1)
            )
            return future
        self._queue.append((item, future))
        if self._sending is None:
            self._sending = asyncio.create_task(self._send_all())
        return future

    async def close(self) -> None:
        """Send what is waiting."""
        if self._sending is not None:
            await asyncio.shield(self._sending)

    async def _send_all(self) -> None:
        try:
            while self._queue:
                await self._send_batch(self._next_batch())
        finally:
            self._sending = None

    def _next_batch(self) -> list[Waiting[T]]:
        batch: list[Waiting[T]] = []
        names: set[str] = set()
        while self._queue and len(batch) < LARGEST_BATCH:
            name = self._name(self._queue[0][0])
            if name in names:
                break
            names.add(name)
            batch.append(self._queue.popleft())
        return batch

    async def _send_batch(self, batch: list[Waiting[T]]) -> None:
        try:
            results = await self._send([item for item, _ in batch])
        except StoreUnavailable as error:
            behind, self._queue = (
                self._queue,
                deque(),
            )  # it is gone for them too: nobody waits twice
            _deliver([*batch, *behind], [error] * (len(batch) + len(behind)))
        except Exception as error:
            if len(batch) == 1:
                _deliver(batch, [error])
            for single in batch if len(batch) > 1 else ():
                await self._send_batch([single])  # only the one that is to blame fails
        else:
            _deliver(batch, results)


def _deliver(batch: Sequence[Waiting[T]], results: Sequence[Any]) -> None:
    for (_, future), result in zip(batch, results, strict=True):
        if future.done():
            continue
        if isinstance(result, Exception):
            future.set_exception(result)
        else:
            future.set_result(result)

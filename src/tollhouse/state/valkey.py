"""Limits shared by many replicas, kept in Valkey.

The arithmetic of `domain.limits` in one script, on the server's clock, so replicas need not agree
on the time. Takes that arrive while a round trip is under way travel together in the next: one
connection, and the price of a round trip is shared by all that wait for it.
"""

from __future__ import annotations

import asyncio
from collections import deque

from valkey.asyncio import Valkey
from valkey.exceptions import ValkeyError

from tollhouse.domain import limits
from tollhouse.domain.errors import LimiterUnavailable
from tollhouse.domain.limits import Limit

DEADLINE_S = 0.25
MAX_TOGETHER = 128  # the server does nothing else while a script runs
MAX_WAITING = 10_000

TAKE = """
local interval, whole = tonumber(ARGV[1]), tonumber(ARGV[2])
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local waits = {}
for i, key in ipairs(KEYS) do
  local due = tonumber(redis.call('GET', key) or now)
  local start = math.min(math.max(due, now), now + whole)
  local wait = start + interval - whole - now
  if wait > 0 then
    waits[i] = wait
  else
    local expires_ms = math.ceil((start + interval - now) / 1000)
    redis.call('SET', key, string.format('%.0f', start + interval), 'PX', expires_ms)
    waits[i] = 0
  end
end
return waits
"""

Waiting = tuple[str, asyncio.Future[int]]


class ValkeyLimiter:
    """Refuses while Valkey cannot be reached or does not answer in time."""

    def __init__(
        self,
        url: str,
        limit: Limit,
        *,
        password: str | None = None,
        name: str = "calls",
        deadline_s: float = DEADLINE_S,
    ) -> None:
        self._limit = limit
        self._prefix = f"tollhouse:limit:{name}:"
        self._arguments = [limit.interval_us, limit.whole_us]
        self._deadline_s = deadline_s
        self._client = Valkey.from_url(url, max_connections=1)
        if password is not None:
            self._client.connection_pool.connection_kwargs["password"] = password
        self._script = self._client.register_script(TAKE)
        self._waiting: deque[Waiting] = deque()
        self._carrier: asyncio.Task[None] | None = None

    async def take(self, subject: str) -> None:
        """Raises RateLimited, LimiterUnavailable."""
        if len(self._waiting) >= MAX_WAITING:
            raise LimiterUnavailable(private=f"{MAX_WAITING} takes are waiting")
        waiting = asyncio.get_running_loop().create_future()
        self._waiting.append((subject, waiting))
        if self._carrier is None or self._carrier.done():
            self._carrier = asyncio.create_task(self._carry())
        try:
            async with asyncio.timeout(self._deadline_s):
                wait_us = await waiting
        except TimeoutError:
            raise LimiterUnavailable(private=f"no answer in {self._deadline_s} s") from None
        if wait_us:
            raise limits.limited(self._limit, wait_us)

    async def aclose(self) -> None:
        if self._carrier is not None:
            self._carrier.cancel()
            await asyncio.wait([self._carrier])
        await self._client.aclose()

    async def _carry(self) -> None:
        """Round trip after round trip, until nobody waits."""
        while together := self._next():
            try:
                async with asyncio.timeout(self._deadline_s):
                    waits_us = await self._ask([subject for subject, _ in together])
            except (ValkeyError, OSError, TimeoutError) as broken:
                _fail(together, broken)
            else:
                _tell(together, waits_us)

    def _next(self) -> list[Waiting]:
        """Those who still wait: who gave up takes nothing."""
        together: list[Waiting] = []
        while self._waiting and len(together) < MAX_TOGETHER:
            subject, waiting = self._waiting.popleft()
            if not waiting.done():
                together.append((subject, waiting))
        return together

    async def _ask(self, subjects: list[str]) -> list[int]:
        keys = [self._prefix + subject for subject in subjects]
        waits_us: list[int] = await self._script(keys=keys, args=self._arguments)
        return waits_us


def _tell(together: list[Waiting], waits_us: list[int]) -> None:
    for (_, waiting), wait_us in zip(together, waits_us, strict=True):
        if not waiting.done():
            waiting.set_result(wait_us)


def _fail(together: list[Waiting], broken: Exception) -> None:
    for _, waiting in together:
        if not waiting.done():
            waiting.set_exception(LimiterUnavailable(private=f"{type(broken).__name__}: {broken}"))

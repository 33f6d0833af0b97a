"""Callers, each with one call after the other, some of which leave before the end."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import aiohttp

from journeys.gateway import Gateway, ask

MAX_TOKENS = 50
PAUSE_S = 0.02
LONG_PAUSE_S = 0.5
"""Before the next call where the store is away: a restart is not the end of the run."""


@dataclass
class Storm:
    """A call that left is not made again; one that nobody took is made at another door."""

    doors: Sequence[Gateway]
    calls: int
    chance: random.Random
    hang_ups: float = 0.0
    """The share of callers that leave within a stream."""

    made: int = 0
    answered: set[str] = field(default_factory=set)
    refused: set[str] = field(default_factory=set)
    """For want of room on the budget."""

    turned_away: set[str] = field(default_factory=set)
    """The store or the door could not decide."""

    broken: set[str] = field(default_factory=set)
    left: set[str] = field(default_factory=set)
    numbers: Iterator[int] = field(init=False)

    def __post_init__(self) -> None:
        self.numbers = iter(range(self.calls))

    async def rage(self, at_once: int) -> None:
        async with asyncio.TaskGroup() as group:
            for _ in range(at_once):
                group.create_task(self._call_on())

    async def _call_on(self) -> None:
        async with aiohttp.ClientSession() as session:
            for number in self.numbers:
                await self._call(session, number)
                self.made += 1

    async def _call(self, session: aiohttp.ClientSession, number: int) -> None:
        name = f"call-{number}"
        body = body_of(number)
        while True:
            door = self.chance.choice(self.doors)
            headers = {**door.headers, "x-request-id": name}
            try:
                async with session.post(
                    f"{door.base_url}/chat/completions", data=body, headers=headers
                ) as reply:
                    await self._read(name, reply)
            except aiohttp.ClientConnectorError:  # nobody was there, so nothing was asked
                await asyncio.sleep(PAUSE_S)
                continue
            except (aiohttp.ClientError, ConnectionError):
                self.broken.add(name)
            return

    async def _read(self, name: str, reply: aiohttp.ClientResponse) -> None:
        if reply.status == 200:
            if self.chance.random() < self.hang_ups and "event-stream" in reply.content_type:
                await reply.content.readany()
                self.left.add(name)
                reply.close()
                return
            told = await reply.read()
            whole = b"[DONE]" in told or b'"finish_reason": "stop"' in told
            (self.answered if whole else self.broken).add(name)
            return
        told = await reply.read()
        if reply.status == 402:
            assert b'"budget_exhausted"' in told, told
            self.refused.add(name)
            await asyncio.sleep(PAUSE_S)
        elif reply.status in (502, 504):
            self.broken.add(name)
        else:
            assert reply.status == 503, (reply.status, told)
            self.turned_away.add(name)
            await asyncio.sleep(LONG_PAUSE_S)


def body_of(number: int) -> bytes:
    """Every other one streams; all are of one length, so all are held for the same."""
    name, is_stream = f"call-{number}", bool(number % 2)
    padding = " " * (is_stream + 12 - len(name))
    body = ask(name, stream=is_stream, max_tokens=MAX_TOKENS, metadata={"pad": padding})
    return json.dumps(body).encode()

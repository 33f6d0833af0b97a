"""Callers who stop reading: the provider stops too, memory is bounded, and nobody else notices."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from journeys.caller import calling
from journeys.gateway import Gateway, ask, gateway, until
from journeys.provider import STREAM_HEAD, Asked, Provider, answer, chunk, provider, sse

READERS = 20
EVENT_BYTES = 64 * 1024
MOST_FOR_ONE = 512 * 1024
"""What the gateway may keep of a stream that comes as fast as it can and that nobody reads."""

MOST_SENT_FOR_ONE = 24 * 1024 * 1024
"""With what the kernel keeps on both sides."""

STEADY_LOOKS = 30


@pytest.mark.req("P-22", "S-81", "P-33")
async def test_a_reader_who_stops_stops_the_provider_and_holds_no_memory(tmp_path: Path) -> None:
    sent = 0

    async def pour(it: Provider, asked: Asked, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        if not asked.body.get("stream"):
            await answer(it, asked, writer)
            return
        event = chunk(sse(_delta("x" * EVENT_BYTES)))
        writer.write(STREAM_HEAD)
        while True:
            writer.write(event)
            await writer.drain()
            sent += len(event)

    async with provider() as up, gateway(tmp_path, up.url) as door, AsyncExitStack() as stack:
        up.script = pour
        async with calling(door, ask(), "warm") as caller:
            await caller.to_the_end()
        before = _memory(door)
        readers = [
            await stack.enter_async_context(calling(door, ask(stream=True), f"slow-{number}"))
            for number in range(READERS)
        ]
        for reader in readers:
            await reader.until(b"data: ", patience_s=10)

        await _settles(lambda: sent)
        grown = _memory(door) - before
        async with calling(door, ask(), "quick") as caller:
            await caller.to_the_end(patience_s=10)

        assert caller.status == 200
        assert sent < READERS * MOST_SENT_FOR_ONE
        assert grown < READERS * MOST_FOR_ONE
        for reader in readers:
            reader.leave()
        await until(lambda: _have_hung_up(up), "the provider is left by all")
        await door.nothing_is_held()


async def _settles(count: Callable[[], int]) -> None:
    """Until it has not changed for a while."""
    last, steady = -1, 0

    async def has_settled() -> bool:
        nonlocal last, steady
        current = count()
        steady = steady + 1 if current == last else 0
        last = current
        return steady >= STEADY_LOOKS

    await until(has_settled, "the provider has stopped")


async def _have_hung_up(up: Provider) -> bool:
    return up.hung_up == READERS


def _delta(text: str) -> dict[str, object]:
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": None}
    return {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}  # fmt: skip


def _memory(door: Gateway) -> int:
    status = Path(f"/proc/{door.processes[0].pid}/status").read_text()
    (line,) = [line for line in status.splitlines() if line.startswith("VmRSS")]
    return int(line.split()[1]) * 1024

"""Thousands of slow callers at once: the others do not notice, and memory stays where it is."""

from __future__ import annotations

import asyncio
import resource
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from math import inf
from pathlib import Path

import aiohttp
import pytest

from journeys import slow_crowd
from journeys.gateway import Gateway, ask, gateway, until
from journeys.provider import STREAM_HEAD, Asked, Provider, answer, chunk, provider, sse
from security.wire import bearer, head, recorded, send

EACH = 1_000
DEADLINES = "header_s = 20\nbody_s = 20\nstall_s = 20\nmax_concurrent_requests = 4096"
PER_SECOND = 50
WATCHED_S = 3.0
LOOKS = 3
"""Tests share the machine: if slow callers disturbed the others, they would each time."""

FLOOR_S = 0.05
"""The undisturbed figure is so small that the machine's own noise is more than twice of it."""

GROWTH_MB = 100
LEFT_MB = 40
"""What the allocator may keep of it."""

pytestmark = pytest.mark.xdist_group("heavy")


@pytest.mark.req("S-8", "H-146", "H-79", "P-22", "B-39")
async def test_3000_slow_callers_at_once_disturb_nobody_and_leave_no_memory_behind(
    tmp_path: Path,
) -> None:
    with _many_files():
        async with (
            provider() as up,
            gateway(tmp_path, up.url, server=DEADLINES, up="max_connections = 2048") as door,
        ):
            up.script = _long_streams
            await _p99_s(door)
            idle_mb = _resident_mb(door)
            undisturbed_s = await _p99_s(door)

            crowd = await _crowd(door)
            try:
                assert await _said(crowd) == "there"
                disturbed_s, full_mb = inf, 0.0
                for _ in range(LOOKS):
                    disturbed_s = min(disturbed_s, await _p99_s(door))
                    full_mb = max(full_mb, _resident_mb(door))
                    if disturbed_s < max(2 * undisturbed_s, FLOOR_S):
                        break
                assert await _said(crowd) == "gone"
            finally:
                with suppress(ProcessLookupError):
                    crowd.kill()
                await crowd.wait()
            await until(lambda: _has_returned(door, idle_mb), "memory has returned")
            undisturbed_s = max(undisturbed_s, await _p99_s(door))

        assert disturbed_s < max(2 * undisturbed_s, FLOOR_S)
        assert full_mb - idle_mb < GROWTH_MB


@pytest.mark.req("S-8", "OC-51")
@pytest.mark.parametrize("part", ["head", "body"])
async def test_a_request_that_does_not_come_is_refused_and_recorded_once(
    tmp_path: Path, part: str
) -> None:
    async with (
        provider() as up,
        gateway(tmp_path, up.url, server="header_s = 1\nbody_s = 1") as door,
    ):
        headers = (bearer(door.key), ("content-type", "application/json"))
        raw = head("POST", "/v1/chat/completions", (*headers, ("content-length", "9")))

        got = await send(door.port, raw[:-2] if part == "head" else raw + b"{")

        assert (got.status, got.code) == (408, "request_timed_out")
        record = await recorded(door, got.headers["x-request-id"])
        assert record["code"] == "request_timed_out"
        assert up.asked == []
        await door.nothing_is_held()


# --- helpers -----------------------------------------------------------------------------


async def _long_streams(it: Provider, asked: Asked, writer: asyncio.StreamWriter) -> None:
    """Whole answers at once; streams longer than all buffers on the way: of blanks, since words are counted."""
    if not asked.body.get("stream"):
        await answer(it, asked, writer)
        return
    choice = {"index": 0, "delta": {"content": " " * 2000}, "finish_reason": None}
    event = chunk(
        sse(
            {
                "id": "x",
                "object": "chat.completion.chunk",
                "created": 1,
                "model": "m",
                "choices": [choice],
            }
        )
    )
    connection = writer.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 8192)
    writer.write(STREAM_HEAD)
    while True:
        writer.write(event)
        await writer.drain()


async def _p99_s(door: Gateway) -> float:
    """Of calls that come at an even pace, whatever became of those before."""
    took: list[float] = []
    async with aiohttp.ClientSession(headers=door.headers) as session:

        async def call() -> None:
            began = time.perf_counter()
            async with session.post(f"{door.base_url}/chat/completions", json=ask()) as reply:
                said = await reply.read()
                assert reply.status == 200, said
            took.append(time.perf_counter() - began)

        async with asyncio.TaskGroup() as calls:
            for _ in range(int(PER_SECOND * WATCHED_S)):
                calls.create_task(call())
                await asyncio.sleep(1 / PER_SECOND)
    return sorted(took)[int(len(took) * 0.99) - 1]


async def _crowd(door: Gateway) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        slow_crowd.__file__,
        str(door.port),
        door.key,
        str(EACH),
        stdout=subprocess.PIPE,
    )


async def _said(crowd: asyncio.subprocess.Process) -> str:
    assert crowd.stdout is not None
    async with asyncio.timeout(40):
        return (await crowd.stdout.readline()).decode().strip()


def _resident_mb(door: Gateway) -> float:
    pages = Path(f"/proc/{door.processes[-1].pid}/statm").read_text().split()[1]
    return int(pages) * resource.getpagesize() / 1e6


async def _has_returned(door: Gateway, idle_mb: float) -> bool:
    return _resident_mb(door) - idle_mb < LEFT_MB


@contextmanager
def _many_files() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8 * EACH), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

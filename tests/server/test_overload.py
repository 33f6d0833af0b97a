"""More requests at once than the gateway takes: refused in words, and written down."""

from __future__ import annotations

import asyncio
from pathlib import Path

import aiohttp
import pytest

from journeys.gateway import ask, gateway, until
from journeys.provider import Asked, Provider, answer, provider


@pytest.mark.req("S-81", "P-22")
async def test_one_request_too_many_is_refused_with_its_code(tmp_path: Path) -> None:
    held = asyncio.Event()

    async def wait(it: Provider, asked: Asked, writer: asyncio.StreamWriter) -> None:
        await held.wait()
        await answer(it, asked, writer)

    async with (
        provider() as up,
        gateway(tmp_path, up.url, server="max_concurrent_requests = 2") as door,
    ):
        up.script = wait
        url = f"{door.base_url}/chat/completions"
        async with aiohttp.ClientSession(headers=door.headers) as session:

            async def status() -> int:
                async with session.post(url, json=ask()) as reply:
                    return reply.status

            calls = [asyncio.create_task(status()) for _ in range(2)]
            await until(lambda: _are_asked(up, 2), "two calls are under way")

            async with session.post(url, json=ask()) as refused:
                body = await refused.json()
            held.set()
            statuses = await asyncio.gather(*calls)

        assert (refused.status, body["error"]["code"]) == (503, "overloaded")
        assert refused.headers["retry-after"] == "1"
        assert statuses == [200, 200]
        assert len(up.asked) == 2
        door.stop()
        codes = [record["code"] for record in door.calls()]
        assert codes.count("overloaded") == 1


@pytest.mark.req("S-81", "P-22")
async def test_whoever_is_done_makes_room(tmp_path: Path) -> None:
    async with (
        provider() as up,
        gateway(tmp_path, up.url, server="max_concurrent_requests = 2") as door,
        aiohttp.ClientSession(headers=door.headers) as session,
    ):

        async def is_answered() -> bool:
            async with session.post(f"{door.base_url}/chat/completions", json=ask()) as reply:
                return reply.status == 200

        for _ in range(6):
            await until(is_answered, "there is room for the next")

        assert len(up.asked) == 6


async def _are_asked(up: Provider, count: int) -> bool:
    return len(up.asked) == count

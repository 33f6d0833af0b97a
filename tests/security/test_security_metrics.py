"""Whoever watches the gateway sees who tries it, and whoever tries it cannot fill what is watched."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest

from journeys.gateway import Gateway, ask, free_port
from journeys.provider import provider
from security.callers import Callers, besieged
from security.wire import JSON, bearer, request, send
from tollhouse.domain.credentials import assemble

GOOD = json.dumps(ask()).encode()
MOST = 20
SETTINGS = f"""
[auth]
failures_per_minute = {MOST}
[metrics]
listen = "127.0.0.1:{{}}"
"""


@dataclass
class Watched:
    door: Gateway
    callers: Callers
    port: int

    async def exposed(self) -> str:
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"http://127.0.0.1:{self.port}/metrics") as reply,
        ):
            return await reply.text()

    async def count(self, name: str, **labels: str) -> float:
        """Of all series that bear these labels."""
        lines = re.findall(rf"^{name}{{(.*)}} (\S+)$", await self.exposed(), re.MULTILINE)
        wanted = {f'{label}="{value}"' for label, value in labels.items()}
        return sum(float(value) for given, value in lines if wanted <= set(given.split(",")))

    async def ask(self, *headers: tuple[str, str], body: bytes = GOOD, **how: str) -> int:
        return (await send(self.door.port, request(body, (*headers, JSON), **how))).status


@pytest.fixture
async def watched(tmp_path: Path) -> AsyncIterator[Watched]:
    """Before a provider that has gone home."""
    port = free_port()
    async with provider() as gone:
        url = gone.url
    async with besieged(tmp_path, url, SETTINGS.format(port)) as (door, callers):
        yield Watched(door, callers, port)


@pytest.mark.req("OL-16")
async def test_each_kind_of_trouble_moves_its_own_metric(watched: Watched) -> None:
    callers, count = watched.callers, watched.count
    good = bearer(callers.good)

    await watched.ask(bearer(callers.expired))
    await watched.ask(good, ("x-api-key", callers.poor))
    await watched.ask(good, body=b'{"model":"m","model":"n"}')
    await watched.ask(good, body=GOOD[:-1] + b',"api_base":"http://169.254.169.254/"}')
    await watched.ask(good, target="/.env")
    await watched.ask(good)
    await watched.ask(good, ("transfer-encoding", "chunked"))
    await watched.ask(good, host="elsewhere.example")
    await asyncio.gather(*(watched.ask(bearer(_unknown(number))) for number in range(MOST + 5)))

    assert await count("tollhouse_unauthenticated_total", code="key_expired") == 1
    assert await count("tollhouse_unauthenticated_total", code="too_many_failures") >= 5
    assert await count("tollhouse_suspicions_total", sign="guessing") >= 5
    assert await count("tollhouse_suspicions_total", sign="mixing") == 1
    assert await count("tollhouse_suspicions_total", sign="steering") == 1
    assert await count("tollhouse_suspicions_total", sign="scanning") == 1
    assert await count("tollhouse_suspicions_total", sign="framing") == 1
    assert await count("tollhouse_suspicions_total", sign="straying") == 1
    assert await count("tollhouse_requests_total", code="json_duplicate_key", route="chat") == 1
    assert await count("tollhouse_requests_total", status="429") >= 5
    assert await count("tollhouse_upstream_attempts_total", outcome="not_sent", provider="up") >= 1


@pytest.mark.req("B-39", "S-59", "OL-16")
async def test_hostile_paths_models_methods_and_keys_make_no_series(watched: Watched) -> None:
    good = bearer(watched.callers.good)

    async def attack(numbers: range) -> None:
        for number in numbers:
            canary = f"canary-{number}"
            model = json.dumps({**ask(), "model": canary}).encode()
            await watched.ask(good, target=f"/v1/{canary}?{canary}")
            await watched.ask(good, body=model)
            await watched.ask(good, ("x-request-id", canary), ("user-agent", canary), body=b"{")
            await watched.ask(bearer(_unknown(number)), ("x-forwarded-for", canary))
            await watched.ask(("authorization", f"{canary} x"), method="PATCH")

    await attack(range(10))
    before = len((await watched.exposed()).splitlines())
    await asyncio.gather(*(attack(range(start, start + 20)) for start in range(10, 210, 20)))
    exposed = await watched.exposed()

    assert len(exposed.splitlines()) <= before + 5
    assert "canary" not in exposed
    assert "thk_" not in exposed
    assert "127.0.0.1" not in exposed


def _unknown(number: int) -> str:
    return assemble(f"{number:012d}", "A" * 32)

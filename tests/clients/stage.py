"""The stage of one test: a client, a pipe that listens, the gateway, and the provider behind it."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from clients.roster import Client
from clients.tap import Tap, tap
from journeys.gateway import Gateway, furnish, now_ms, prepared, until
from journeys.provider import Provider, provider
from tollhouse.control import budgets, keys, peppers, prices, tenancy
from tollhouse.control.prices import Rates
from tollhouse.wiring import Store

PATIENCE_S = 120.0
REAL = "real-model"

KINDS = {"chat": ("openai-compatible", "/v1")}
"""What stands behind the gateway: a provider of each dialect, and where its API begins."""


@dataclass
class Stage:
    """Shared by the tests of one process; `listening` begins a test with nothing seen."""

    door: Gateway
    up: Provider
    poor: str
    """A key whose tenant has next to nothing left."""

    pipe: Tap = field(default_factory=Tap)
    spent_before: int = 0
    calls_before: int = 0

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        self.up.asked.clear()
        self.spent_before = await self.door.spent()
        self.calls_before = len(self.door.calls())
        async with tap(self.door.port) as self.pipe:
            yield

    async def run(self, client: Client, model: str, *, key: str = "") -> dict[str, Any]:
        """What the client says came of it, once its process has ended."""
        environ = {
            **_bare_environ(),
            "CLIENT_ORIGIN": self.pipe.origin,
            "CLIENT_KEY": key or self.door.key,
            "CLIENT_MODEL": model,
        }
        process = await asyncio.create_subprocess_exec(
            *client.command,
            env=environ,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            async with asyncio.timeout(PATIENCE_S):
                out, problems = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        assert process.returncode == 0, problems.decode()
        told: dict[str, Any] = json.loads(out.splitlines()[-1])
        return told

    async def spent(self) -> int:
        """Since the test began, once nothing is held."""
        await self.door.nothing_is_held()
        return await self.door.spent() - self.spent_before

    async def calls(self, count: int) -> list[dict[str, Any]]:
        """What the audit log says of the calls since the test began."""

        async def are_there() -> bool:
            return len(self.door.calls()) - self.calls_before >= count

        await until(are_there, f"{count} calls are in the audit log")
        return self.door.calls()[self.calls_before :]


@asynccontextmanager
async def set_up(directory: Path) -> AsyncIterator[Stage]:
    async with provider() as up:
        door = prepared(directory, up.url, settings=_providers(up))
        await furnish(door, limit=10**12)
        door.key = await door.on_store(lambda store: _rich(store, door))
        poor = await door.on_store(lambda store: _poor(store, door))
        try:
            await door.start()
            yield Stage(door, up, poor)
        finally:
            while door.processes:
                door.kill()


def _providers(up: Provider) -> str:
    return "".join(
        f"""
[providers.{name}]
kind = "{kind}"
url = "http://127.0.0.1:{up.port}{base}"
key = "env:UP_KEY"
[models.{name}]
targets = ["{name}:{REAL}"]
max_output_tokens = 64000
"""
        for name, (kind, base) in KINDS.items()
    )


async def _rich(store: Store, door: Gateway) -> str:
    """A key that may call every model, each of which has its price."""
    for name in KINDS:
        await prices.set_price(store, f"{name}:{REAL}", Rates("1", "2"), None, now_ms())
    return await _key(store, door, "acme")


async def _poor(store: Store, door: Gateway) -> str:
    await tenancy.create_tenant(store, "poor", now_ms())
    await budgets.grant(store, "tenant:poor", budgets.Grant(is_granted=True, limit=1))
    return await _key(store, door, "poor")


async def _key(store: Store, door: Gateway, tenant: str) -> str:
    secrets = await peppers.opened(door.settings, store)
    wish = keys.Wish(tenant, "clients", models=tuple(KINDS))
    return (await keys.issue(store, secrets, wish, now_ms())).key


def _bare_environ() -> dict[str, str]:
    """Nothing that would tell a client where else to go, or whom to tell of it."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR") if name in os.environ}
    return {**kept, "HOME": "/nonexistent", "NO_COLOR": "1", "DO_NOT_TRACK": "1"}

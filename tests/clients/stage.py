"""The stage of one test: a client, a pipe that listens, the gateway, and the provider behind it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from clients.player import Player
from clients.roster import Client
from clients.tap import Tap, tap
from journeys.gateway import Gateway, furnish, now_ms, prepared, until
from journeys.provider import Provider, provider
from tollhouse.control import budgets, keys, peppers, prices, tenancy
from tollhouse.control.prices import Rates
from tollhouse.wiring import Store

REAL = "real-model"

KINDS = {
    "chat": ("openai-compatible", "/v1", ""),
    "responses": ("openai-compatible", "/v1", 'speaks = ["responses"]'),
    "messages": ("anthropic-compatible", "/v1", ""),
    "ollama": ("ollama", "", ""),
    "gemini": ("gemini", "/v1beta", ""),
    "bedrock": ("bedrock", "", ""),
}
"""What stands behind the gateway: a provider of each dialect, where its API begins, and how it says so."""


MODELS = {"gemini": f"gemini-{REAL}"}
"""Where the name of a model says what it wants."""


@dataclass
class Stage:
    """Shared by the tests of one process; `listening` begins a test with nothing seen."""

    door: Gateway
    up: Provider
    poor: str
    """A key whose tenant has next to nothing left."""

    players: dict[str, Player] = field(default_factory=dict)
    pipe: Tap = field(default_factory=Tap)
    spent_before: int = 0

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        await self.door.nothing_is_held()
        self.up.asked.clear()
        self.spent_before = await self.door.spent()
        async with tap(self.door.port) as self.pipe:
            yield

    async def run(self, client: Client, model: str, *, key: str = "") -> dict[str, Any]:
        """What the client says came of it."""
        player = self.players.get(client.program)
        if player is None:
            player = self.players[client.program] = await Player.start(client.command)
        return await player.play(
            way=client.way, origin=self.pipe.origin, key=key or self.door.key, model=model
        )

    async def spent(self) -> int:
        """Since the test began, once nothing is held."""
        await self.door.nothing_is_held()
        return await self.door.spent() - self.spent_before

    async def calls(self, count: int) -> list[dict[str, Any]]:
        """What the audit log says of the calls of this test: those of the one before may still come in."""

        def ours() -> list[dict[str, Any]]:
            return [each for each in self.door.calls() if each["request_id"] in self.pipe.answered]

        async def are_there() -> bool:
            return len(ours()) >= count

        await until(are_there, f"{count} calls are in the audit log")
        return ours()


@asynccontextmanager
async def set_up(directory: Path) -> AsyncIterator[Stage]:
    async with provider() as up:
        door = prepared(directory, up.url, settings=_providers(up))
        await furnish(door, limit=10**12)
        door.key = await door.on_store(lambda store: _rich(store, door))
        poor = await door.on_store(lambda store: _poor(store, door))
        stage = Stage(door, up, poor)
        try:
            await door.start()
            yield stage
        finally:
            for player in stage.players.values():
                await player.end()
            while door.processes:
                door.kill()


def _providers(up: Provider) -> str:
    return "".join(
        f"""
[providers.{name}]
kind = "{kind}"
url = "http://127.0.0.1:{up.port}{base}"
key = "env:UP_KEY"
{more}
[models.{name}]
targets = ["{name}:{MODELS.get(name, REAL)}"]
max_output_tokens = 64000
"""
        for name, (kind, base, more) in KINDS.items()
    )


async def _rich(store: Store, door: Gateway) -> str:
    """A key that may call every model, each of which has its price."""
    for name in KINDS:
        target = f"{name}:{MODELS.get(name, REAL)}"
        await prices.set_price(store, target, Rates("1", "2"), None, now_ms())
    return await _key(store, door, "acme")


async def _poor(store: Store, door: Gateway) -> str:
    await tenancy.create_tenant(store, "poor", now_ms())
    await budgets.grant(store, "tenant:poor", budgets.Grant(is_granted=True, limit=1))
    return await _key(store, door, "poor")


async def _key(store: Store, door: Gateway, tenant: str) -> str:
    secrets = await peppers.opened(door.settings, store)
    wish = keys.Wish(tenant, "clients", models=tuple(KINDS))
    return (await keys.issue(store, secrets, wish, now_ms())).key

"""The gateway is killed again and again; the ledger agrees with the provider's own meter, call by call."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import aiohttp
import pytest

from journeys.gateway import NANOS_IN, NANOS_OUT, Gateway, ask, gateway, now_ms, until
from journeys.provider import (
    PROMPT_TOKENS,
    Asked,
    Provider,
    chunked,
    completion,
    json_response,
    provider,
    stream_events,
)
from tollhouse.control import usage
from tollhouse.wiring import Store

CALLS = 2_000
KILLS = 8
AT_ONCE = 48
LEASE_S = 5


@pytest.mark.slow
@pytest.mark.req("H-147", "P-4", "P-11", "P-36", "B-5", "B-6", "S-87")
async def test_whatever_a_kill_leaves_the_ledger_is_the_meter_or_says_what_is_open(
    tmp_path: Path,
) -> None:
    chance = random.Random(20_26)
    meter = Meter(chance)
    lease = f"[ledger]\nlease_s = {LEASE_S}"
    async with provider() as up, gateway(tmp_path, up.url, store=lease) as door:
        up.script = meter.answer
        storm = Storm(door)

        killing = asyncio.create_task(_kill_at_random(door, storm, chance))
        await asyncio.gather(*(storm.call_on() for _ in range(AT_ONCE)))
        await killing
        await _swept(door)

        settled, opened = await _ledger(door)
        listed = {call.request_id for call in await door.on_store(usage.open_calls)}
        assert storm.broken > 0
        assert len(settled) > CALLS / 2
        assert meter.owed.keys() <= settled.keys() | opened.keys()
        assert {name: meter.owed[name] for name in settled} == settled
        assert opened.keys() == listed
        assert storm.answered <= settled.keys() | opened.keys()
        assert await door.spent() == sum(settled.values())
        assert await door.held() / 4 == sum(opened.values())
        assert all(meter.owed.get(name, 0) <= held for name, held in opened.items())
        await door.is_consistent()

        await _resolve_by(meter, door)

        assert await door.spent() == sum(meter.owed.values())
        assert await door.held() == 0
        await door.is_consistent()
        assert await door.end() == 0
        await door.audit_is_whole()


@dataclass
class Meter:
    """What the provider would put on its invoice, by the name that stands in the message."""

    chance: random.Random
    owed: dict[str, int] = field(default_factory=dict)

    async def answer(self, _: Provider, asked: Asked, writer: asyncio.StreamWriter) -> None:
        name, tokens = asked.body["messages"][0]["content"], self.chance.randint(1, 20)
        assert name not in self.owed, "one request was sent twice"
        self.owed[name] = 0
        await asyncio.sleep(self.chance.uniform(0, 0.02))
        if asked.body.get("stream"):
            await self._stream(asked, name, tokens, writer)
            return
        self.owed[name] = _cost(tokens)
        writer.write(json_response(completion(asked.body, tokens)))
        await writer.drain()

    async def _stream(
        self, asked: Asked, name: str, tokens: int, writer: asyncio.StreamWriter
    ) -> None:
        """It charges for what it has produced, token by token."""
        for number, piece in enumerate(chunked(stream_events(asked.body, tokens))):
            self.owed[name] = _cost(min(max(number - 1, 0), tokens))
            writer.write(piece)
            await writer.drain()
            if self.chance.random() < 0.1:
                await asyncio.sleep(self.chance.uniform(0, 0.01))


@dataclass
class Storm:
    """Callers, each with one call after the other. A call that was cut is not made again."""

    door: Gateway
    numbers: Iterator[int] = field(default_factory=lambda: iter(range(CALLS)))
    answered: set[str] = field(default_factory=set)
    made: int = 0
    broken: int = 0
    is_up: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.is_up.set()

    async def call_on(self) -> None:
        async with aiohttp.ClientSession() as session:
            for number in self.numbers:
                await self._call(session, number)
                self.made += 1

    async def _call(self, session: aiohttp.ClientSession, number: int) -> None:
        name = f"call-{number}"
        body = ask(name, stream=bool(number % 2), max_tokens=50)
        headers = {**self.door.headers, "x-request-id": name}
        url = f"{self.door.base_url}/chat/completions"
        while True:
            await self.is_up.wait()
            try:
                async with session.post(url, json=body, headers=headers) as reply:
                    assert reply.status == 200, await reply.text()
                    await reply.read()
                self.answered.add(name)
            except aiohttp.ClientConnectorError:  # nobody was there, so nothing was asked
                await asyncio.sleep(0)
                continue
            except (aiohttp.ClientError, ConnectionError):
                self.broken += 1
            return


async def _kill_at_random(door: Gateway, storm: Storm, chance: random.Random) -> None:
    """Between two kills at least a few calls pass; the moment within them is anybody's guess."""
    moments = sorted(chance.sample(range(CALLS // 20, CALLS - AT_ONCE), KILLS))
    for moment in moments:

        async def has_come(moment: int = moment) -> bool:
            return storm.made >= moment

        await until(has_come, f"{moment} calls are over", patience_s=60)
        await asyncio.sleep(chance.uniform(0, 0.02))
        storm.is_up.clear()
        door.kill()
        await door.start()
        storm.is_up.set()


async def _swept(door: Gateway) -> None:
    async def nothing_is_under_way() -> bool:
        return await door.rows("SELECT id FROM calls WHERE state = 'held' LIMIT 1") == []

    await until(nothing_is_under_way, "what dead processes held is listed", patience_s=3 * LEASE_S)


async def _ledger(door: Gateway) -> tuple[dict[str, int], dict[str, int]]:
    """By name: what is owed for each call that is settled, and held for each that is open."""
    rows = await door.rows("SELECT request_id, state, outcome, owed, held FROM calls")
    settled = {name: owed for name, state, _, owed, _ in rows if state == "settled"}
    opened = {name: held for name, state, _, _, held in rows if state == "unknown"}
    assert len(settled) + len(opened) == len(rows)
    assert {row[2] for row in rows} == {"completed", "unknown"}
    return settled, opened


async def _resolve_by(meter: Meter, door: Gateway) -> None:
    """As an operator does with the provider's invoice at hand."""
    for call in await door.on_store(usage.open_calls):
        owed = meter.owed.get(call.request_id, 0)
        await door.on_store(partial(_resolve, call.id, owed))


async def _resolve(call_id: str, owed: int, store: Store) -> int:
    return await usage.resolve(store, store, call_id, owed, now_ms())


def _cost(tokens: int) -> int:
    return PROMPT_TOKENS * NANOS_IN + tokens * NANOS_OUT

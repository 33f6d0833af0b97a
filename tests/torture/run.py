"""One run: gateways, callers, a metering provider, and everything that can go wrong meanwhile."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from journeys.gateway import Gateway, gateway, now_ms, prepared, until
from journeys.provider import Provider, provider
from servers import PostgresServer, postgres_server
from tollhouse.control import usage
from tollhouse.domain.errors import StoreUnavailable
from tollhouse.wiring import Store
from torture.meter import Meter, cost
from torture.reckoning import Entry, Reckoning, reckon
from torture.storm import Storm, body_of

LEASE_S = 5
LOOK_S = 0.05
ENTRIES = "SELECT request_id, state, outcome, source, owed, held, input, output FROM calls"
TAKEN = "SELECT spent, held FROM accounts WHERE owner = 'tenant:acme'"


@dataclass(frozen=True)
class Wish:
    """How much of it."""

    calls: int
    processes: int
    at_once: int
    kills: int
    restarts: int = 0
    """Of the database."""

    cuts: float = 0.05
    seed: int = 20_26


@dataclass
class Progress:
    """Where a run stands."""

    storm: Storm
    meter: Meter
    kills: int = 0
    restarts: int = 0

    def line(self) -> str:
        storm = self.storm
        return (
            f"{storm.made:>7,} of {storm.calls:,} calls: {len(storm.answered):,} answered, "
            f"{len(storm.left):,} left, {self.meter.broke_off:,} broken off, {len(storm.broken):,} cut, "
            f"{len(storm.refused):,} refused, {len(storm.turned_away):,} turned away; "
            f"{self.kills} kills, {self.restarts} restarts of the database"
        )


async def torture(
    wish: Wish, directory: Path, tell: Callable[[Progress], None] = lambda _: None
) -> Reckoning:
    """On PostgreSQL, or on SQLite where one process with its workers is killed and nothing else."""
    with ExitStack() as servers:
        database = servers.enter_context(postgres_server()) if wish.restarts else None
        url = servers.enter_context(database.database()) if database else ""
        async with provider() as up, _doors(wish, directory, up, url) as doors:
            return await _run(wish, doors, up, database, tell)


async def _run(
    wish: Wish,
    doors: Sequence[Gateway],
    up: Provider,
    database: PostgresServer | None,
    tell: Callable[[Progress], None],
) -> Reckoning:
    chance = random.Random(wish.seed)
    meter = Meter(chance, cuts=wish.cuts)
    up.script = meter.answer
    worst = await doors[0].worst(body_of(0))
    limit = worst * (wish.at_once * 3 // 4 + _left_held(wish)) + wish.calls * cost(9)
    await doors[0].budget(limit)
    storm = Storm(doors, wish.calls, chance, hang_ups=wish.cuts)
    progress = Progress(storm, meter)
    overspent: list[str] = []
    beside = [
        asyncio.create_task(_watch(doors[0], limit, overspent)),
        asyncio.create_task(_tell(progress, tell)),
    ]
    harm = asyncio.create_task(_harm(wish, doors, database, progress))
    await storm.rage(wish.at_once)
    await harm
    await _all_is_written(doors[0])
    await _resolve_by(meter, doors[0])
    for task in beside:
        task.cancel()
    await asyncio.gather(*beside, return_exceptions=True)
    tell(progress)
    entries = {row[0]: Entry(*row) for row in await doors[0].rows(ENTRIES)}
    found = reckon(entries, meter.tokens, storm, spent=await doors[0].spent(), limit=limit)
    found.overspent += overspent
    if held := await doors[0].held():
        found.stuck.append(f"{held} nano-dollars")
    await doors[0].is_consistent()
    for door in doors:
        assert await door.end() == 0, door.log()[-2000:]
        await door.audit_is_whole()
    return found


def _left_held(wish: Wish) -> int:
    """Calls that killed processes leave behind, at the most: nobody resolves them before the end."""
    return wish.kills * wish.at_once // 2


@asynccontextmanager
async def _doors(
    wish: Wish, directory: Path, up: Provider, url: str
) -> AsyncIterator[list[Gateway]]:
    """Processes of their own that share a database; or one with workers, where they share a file."""
    lease = f"[ledger]\nlease_s = {LEASE_S}"
    workers = "" if url else f"workers = {wish.processes}"
    async with AsyncExitStack() as stack:
        places = [directory / f"process-{number}" for number in range(wish.processes if url else 1)]
        for place in places:
            place.mkdir()
        serve = partial(gateway, places[0], up.url, store=lease, server=workers, database=url)
        first = await stack.enter_async_context(serve())
        others = [prepared(place, up.url, store=lease, database=url) for place in places[1:]]
        for other in others:
            other.key, other.key_id = first.key, first.key_id
            stack.callback(_end, other)
            await other.start()
        yield [first, *others]


def _end(door: Gateway) -> None:
    while door.processes:
        door.kill()


async def _harm(
    wish: Wish, doors: Sequence[Gateway], database: PostgresServer | None, progress: Progress
) -> None:
    """Kills and restarts at moments that are spread over the run; where within a call is anybody's guess."""
    chance = random.Random(wish.seed + 1)
    span = range(wish.calls // 20, max(wish.calls - wish.at_once, wish.calls // 20 + 1))
    deeds = ["kill"] * wish.kills + ["restart"] * wish.restarts
    chance.shuffle(deeds)
    moments = sorted(chance.choice(span) for _ in deeds)
    for moment, deed in zip(moments, deeds, strict=True):
        while progress.storm.made < moment:
            await asyncio.sleep(LOOK_S)
        if deed == "kill":
            door = chance.choice(doors)
            door.kill()
            await door.start()
            progress.kills += 1
        elif database is not None:
            await asyncio.to_thread(database.kill)
            await asyncio.to_thread(database.start)
            progress.restarts += 1


async def _watch(door: Gateway, limit: int, overspent: list[str]) -> None:
    """Looks from outside, all the time."""
    while True:
        with suppress(StoreUnavailable):
            ((spent, held),) = await door.rows(TAKEN)
            if spent + held > limit:
                overspent.append(f"{spent} spent and {held} held of {limit}")
        await asyncio.sleep(LOOK_S)


async def _tell(progress: Progress, tell: Callable[[Progress], None]) -> None:
    while True:
        await asyncio.sleep(2)
        tell(progress)


async def _all_is_written(door: Gateway) -> None:
    """What a living process still has to write, and what the sweep finds of the dead ones."""

    async def nothing_is_under_way() -> bool:
        return await door.rows("SELECT id FROM calls WHERE state = 'held' LIMIT 1") == []

    await until(nothing_is_under_way, "what dead processes held is listed", patience_s=60)


async def _resolve_by(meter: Meter, door: Gateway) -> None:
    """As an operator does with the provider's invoice at hand."""

    async def resolve(store: Store) -> None:
        for call in await usage.open_calls(store):
            owed = cost(meter.tokens.get(call.request_id))
            await usage.resolve(store, store, call.id, owed, now_ms())

    await door.on_store(resolve)

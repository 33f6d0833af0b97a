"""Holds on one shared account, each settled: how many a second, and how long a pair takes at half of what is promised.

`python -m bench.ledger SECONDS` prints the figures as JSON, of SQLite and of a PostgreSQL that it starts.
"""

from __future__ import annotations

import asyncio
import itertools
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import uvloop

from bench.figures import percentile
from servers import ServerMissing, postgres_server
from tollhouse.domain.budget import Hold, Outcome, Settlement, Source
from tollhouse.domain.pricing import Usage
from tollhouse.storage import budgets
from tollhouse.storage.postgres import PostgresDatabase
from tollhouse.storage.sqlite import SqliteDatabase

AT_ONCE = 128
PROMISED = {"sqlite": 3_000, "postgres": 2_000}
"""Pairs a second."""

OWNERS = ("tenant:bench", "project:bench/p", "user:bench/u", "key:bench")
NUMBERS = itertools.count()
USAGE = Usage(9, 2)

Store = SqliteDatabase | PostgresDatabase


def measured(seconds: float) -> dict[str, float]:
    figures: dict[str, float] = {}
    with TemporaryDirectory(prefix="tollhouse-ledger-") as folder:
        figures |= _named(
            "sqlite",
            uvloop.run(_of(SqliteDatabase(Path(folder, "db")), seconds, PROMISED["sqlite"])),
        )
    with _postgres() as url:
        if url:
            store = PostgresDatabase(url, password=None, pool=4)
            figures |= _named("postgres", uvloop.run(_of(store, seconds, PROMISED["postgres"])))
    return figures


async def _of(store: Store, seconds: float, promised: float) -> tuple[float, float]:
    """Pairs a second, and the 99th percentile in milliseconds of one at half of what is promised."""
    await store.migrate()
    for owner in OWNERS:
        limiting = budgets.limiting(owner, has_budget=True, limit=10**15)
        await store.write(budgets.opening(owner), limiting)
    ids = {row.owner: row.id for row in await budgets.accounts(store)}
    tenant, project, user, key = (ids[owner] for owner in OWNERS)
    accounts = (tenant, project, user, key)
    rate = await _flat_out(store, accounts, seconds)
    p99_ms = await _paced(store, accounts, promised / 2, seconds)
    assert await budgets.differences(store) == []
    await store.close()
    return rate, p99_ms


async def _flat_out(store: Store, accounts: tuple[int, int, int, int], seconds: float) -> float:
    began = time.perf_counter()
    done = 0

    async def pairs() -> None:
        nonlocal done
        while time.perf_counter() - began < seconds:
            await _pair(store, accounts)
            done += 1

    await asyncio.gather(*(pairs() for _ in range(AT_ONCE)))
    return done / (time.perf_counter() - began)


async def _paced(
    store: Store, accounts: tuple[int, int, int, int], rate: float, seconds: float
) -> float:
    """Each begins when its turn has come, however long others take, and is timed from then on."""
    began = time.perf_counter()
    took: list[float] = []

    async def one(due: float) -> None:
        await _pair(store, accounts)
        took.append((time.perf_counter() - due) * 1000)

    async with asyncio.TaskGroup() as group:
        for number in range(int(rate * seconds)):
            due = began + number / rate
            if (ahead := due - time.perf_counter()) > 0:
                await asyncio.sleep(ahead)
            group.create_task(one(due))
    return percentile(took, 99)


async def _pair(store: Store, accounts: tuple[int, int, int, int]) -> None:
    now_ms = time.time_ns() // 1_000_000
    call = f"{now_ms:012x}{next(NUMBERS):020x}"
    owners = ("key", "bench", "bench/p", "bench/u")
    await store.hold(Hold(call, "r", "o", accounts, *owners, "chat", "m", 1_000_000, now_ms))
    owed = USAGE.input * 1_000 + USAGE.output * 2_000
    await store.settle(
        Settlement(call, Outcome.COMPLETED, owed, USAGE, Source.PROVIDER, "bench:m", 1, now_ms)
    )


@contextmanager
def _postgres() -> Iterator[str]:
    """Empty where its package is not installed."""
    try:
        with postgres_server() as server, server.database() as url:
            yield url
    except ServerMissing:
        yield ""


def _named(store: str, found: tuple[float, float]) -> dict[str, float]:
    rate, p99_ms = found
    return {
        f"{store}_pairs_s": rate,
        f"{store}_pair_us": 1e6 / rate,
        f"{store}_pair_p99_ms": p99_ms,
    }


if __name__ == "__main__":
    sys.stdout.buffer.write(msgspec.json.encode(measured(float(sys.argv[1]))))

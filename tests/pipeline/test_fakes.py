"""The fake ledger keeps what the real one promises, as far as the pipeline relies on it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from fakes import FakeLedger
from tollhouse.control import budgets
from tollhouse.control.preparing import prepare
from tollhouse.domain.budget import Hold, Outcome, Settlement, Source
from tollhouse.domain.errors import BudgetExhausted
from tollhouse.domain.pricing import Usage
from tollhouse.ports import Ledger
from tollhouse.storage.sqlite import SqliteDatabase

HOLD = Hold(
    *("call-1", "request-1", "owner-1", (1, 2, 3, 4), "key", "acme", "acme/default", "acme/anna"),
    *("chat", "m", 60, 1_800_000_000_000),
)
SETTLEMENT = Settlement(
    *("call-1", Outcome.COMPLETED, 50, Usage(1, 1), Source.PROVIDER, "up:m", 1, 1_800_000_000_001)
)


@pytest.fixture(params=["fake", "sqlite"])
async def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Ledger]:
    """With room for a hundred."""
    if request.param == "fake":
        yield FakeLedger(limit=100)
        return
    store = SqliteDatabase(tmp_path / "db")
    await prepare(store, 1, apply=True)
    for number, owner in enumerate(("tenant:acme", "project:p", "user:u", "key:key"), start=1):
        limit = 100 if number == 1 else None
        await store.write(
            (
                "INSERT INTO accounts (id, owner, has_budget, limit_nanos) VALUES ($1, $2, $3, $4)",
                (number, owner, int(limit is not None), limit),
            )
        )
    yield store
    assert await budgets.verify(store) == []
    await store.close()


async def test_a_second_hold_has_room_only_once_the_first_is_settled(ledger: Ledger) -> None:
    await ledger.hold(HOLD)
    with pytest.raises(BudgetExhausted):
        await ledger.hold(replace(HOLD, call="call-2"))

    await ledger.settle(replace(SETTLEMENT, owed=10))

    await ledger.hold(replace(HOLD, call="call-3"))


async def test_a_call_is_settled_once(ledger: Ledger) -> None:
    await ledger.hold(HOLD)

    assert await ledger.settle(SETTLEMENT)
    assert not await ledger.settle(SETTLEMENT)


async def test_a_hold_stands_though_nobody_waits_for_it(ledger: Ledger) -> None:
    waiting = asyncio.ensure_future(ledger.hold(HOLD))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait([waiting])

    with pytest.raises(BudgetExhausted):
        await ledger.hold(replace(HOLD, call="call-2"))

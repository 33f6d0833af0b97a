"""What the store could not take when it was asked."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from stores import NOW, acme_key
from tollhouse.control import budgets
from tollhouse.domain.budget import Hold, Outcome, Settlement, Source
from tollhouse.domain.errors import StoreUnavailable
from tollhouse.domain.pricing import Usage
from tollhouse.domain.snapshot import Names
from tollhouse.ports import Ledger, Statement
from tollhouse.storage import snapshots
from tollhouse.storage.arrears import PatientLedger
from tollhouse.storage.sqlite import SqliteDatabase

AMOUNT = 1_000


@pytest.mark.req("P-4", "B-6")
async def test_what_was_settled_while_the_store_was_away_is_settled_after(
    sqlite: SqliteDatabase,
) -> None:
    line = Line(sqlite)
    ledger = PatientLedger(line)
    await ledger.hold(await _hold(sqlite))

    line.is_cut = True
    counted = await ledger.settle(_settlement(Outcome.COMPLETED, owed=7))
    with pytest.raises(StoreUnavailable):
        await ledger.catch_up()
    line.is_cut = False
    await ledger.catch_up()

    assert counted is False
    assert await _tenant(sqlite) == (7, 0)
    assert ledger.in_arrears == 0


@pytest.mark.req("P-4", "B-6")
async def test_a_hold_that_was_given_up_and_arrives_late_is_given_back(
    sqlite: SqliteDatabase,
) -> None:
    line = Line(sqlite)
    ledger = PatientLedger(line)
    hold = await _hold(sqlite)
    line.is_cut = True
    with pytest.raises(StoreUnavailable):
        await ledger.hold(hold)
    await ledger.settle(_settlement(Outcome.NOT_SENT))
    line.is_cut = False

    await ledger.catch_up()  # not there yet
    await sqlite.hold(hold)
    held_late = await _tenant(sqlite)
    async with asyncio.timeout(10):
        while (await _tenant(sqlite))[1]:
            await ledger.catch_up()

    assert held_late == (0, AMOUNT)
    assert await _tenant(sqlite) == (0, 0)
    assert ledger.in_arrears == 0


class Line:
    """The way to a ledger, which can be cut."""

    def __init__(self, ledger: Ledger) -> None:
        self.is_cut = False
        self._ledger = ledger

    def hold(self, hold: Hold, beside: Sequence[Statement] = ()) -> Awaitable[None]:
        return self._broken() if self.is_cut else self._ledger.hold(hold, beside)

    def settle(self, settlement: Settlement) -> asyncio.Future[bool]:
        if self.is_cut:
            return asyncio.ensure_future(self._broken())
        return self._ledger.settle(settlement)

    async def _broken(self) -> Any:
        raise StoreUnavailable


async def _hold(store: SqliteDatabase) -> Hold:
    key = await acme_key(store)
    snapshot = await snapshots.load(store, Names({}), requires_price=True)
    caller = snapshot.keys[key.id].principal
    return Hold(
        call="call-1",
        request_id="r",
        owner="o",
        accounts=caller.accounts,
        key=key.id,
        tenant=caller.tenant,
        project=caller.project,
        user=caller.user,
        route="chat",
        model="m",
        amount=AMOUNT,
        created_at_ms=NOW,
    )


def _settlement(outcome: Outcome, owed: int = 0) -> Settlement:
    nothing = Settlement("call-1", outcome, 0, Usage(), Source.NOTHING, None, None, NOW)
    return replace(nothing, owed=owed)


async def _tenant(store: SqliteDatabase) -> tuple[int, int]:
    account = await budgets.found(store, "tenant:acme")
    return account.spent, account.held

"""The stores that the contract suites run on, and what their tests share."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from tollhouse.domain.budget import Attempt, Hold, Outcome, Settlement, Share, Source
from tollhouse.domain.periods import Period, window
from tollhouse.domain.pricing import Kinds, Usage
from tollhouse.ports import Database, Ledger
from tollhouse.storage import budgets
from tollhouse.storage.postgres import PostgresDatabase
from tollhouse.storage.sqlite import SqliteDatabase

NO_BUDGET = -1
UNLIMITED = None
NAMES = itertools.count()
NOW = 1_700_000_000_000

Accounts = tuple[int, int, int, int]


class Store(Database, Ledger, Protocol):
    """One database is both."""


def open_store(address: str, *, deadline_s: float = 10.0) -> Store:
    if is_postgres(address):
        return PostgresDatabase(address, password=None, pool=4, deadline_s=deadline_s)
    return SqliteDatabase(Path(address))


def is_postgres(address: str) -> bool:
    return address.startswith("postgresql://")


async def four_accounts(store: Store, *limits: int | None) -> Accounts:
    """Tenant, project, user and key with these limits; what is not said has no budget."""
    tenant, project, user, key = [*limits, *[NO_BUDGET] * 4][:4]
    return (
        await account(store, tenant),
        await account(store, project),
        await account(store, user),
        await account(store, key),
    )


async def account(store: Store, limit: int | None, period: Period | None = None) -> int:
    """With a period, its first window holds the moment `NOW`."""
    owner = f"tenant:{next(NAMES)}"
    await store.write(budgets.opening(owner), limiting(owner, limit))
    if period is not None:
        await store.write(*budgets.starting(owner, period, window(period, NOW), NOW))
        await store.write(("DELETE FROM rolls", ()))
    ((number,),) = await store.read("SELECT id FROM accounts WHERE owner = $1", owner)
    return int(number)


def limiting(owner: str, limit: int | None) -> tuple[str, tuple[str | int | None, ...]]:
    has_budget = limit != NO_BUDGET
    return budgets.limiting(owner, has_budget=has_budget, limit=limit if has_budget else None)


KINDS = Kinds(1, 1, 2, 1, 1, 3, 4)


def holding(
    accounts: Accounts,
    amount: int,
    call: str | None = None,
    at_ms: int = NOW,
    shares: tuple[Share, ...] = (),
) -> Hold:
    return Hold(
        call=call or f"call-{next(NAMES):08d}",
        request_id="req_1",
        owner="owner-1",
        accounts=accounts,
        key="key-1",
        tenant="acme",
        project="acme/default",
        user="acme/anna",
        route="chat",
        model="small",
        amount=amount,
        created_at_ms=at_ms,
        shares=shares,
    )


def settling(
    hold: Hold,
    owed: int = 0,
    outcome: Outcome = Outcome.COMPLETED,
    attempts: tuple[Attempt, ...] = (),
) -> Settlement:
    return Settlement(
        call=hold.call,
        outcome=outcome,
        owed=owed,
        usage=Usage(3, 5, 7, 11, images=13, seconds=17, characters=19, kinds=KINDS),
        source=Source.PROVIDER,
        target="echo:small",
        price=4,
        settled_at_ms=1_700_000_001_000,
        attempts=attempts,
    )


async def balances(store: Store, accounts: Sequence[int]) -> list[tuple[int, int]]:
    """Spent and held, account by account."""
    found = {row.id: (row.spent, row.held) for row in await budgets.accounts(store)}
    return [found[number] for number in accounts]


async def state(store: Store, hold: Hold) -> str | None:
    rows = await store.read("SELECT state FROM calls WHERE id = $1", hold.call)
    return str(rows[0][0]) if rows else None

"""Budgets that start anew, on every ledger there is."""

from __future__ import annotations

import asyncio

import pytest
from databases import (
    NO_BUDGET,
    NOW,
    Accounts,
    Store,
    account,
    balances,
    four_accounts,
    holding,
    open_store,
    settling,
    state,
)

from tollhouse.domain.budget import Hold, Roll
from tollhouse.domain.errors import BudgetExhausted
from tollhouse.domain.periods import Calendar, Period, window
from tollhouse.storage import budgets

DAILY = Period(Calendar.DAY, "Europe/Berlin")
TODAY = window(DAILY, NOW)
TOMORROW = window(DAILY, TODAY.end)
HOUR = 3_600_000

pytestmark = pytest.mark.req("S-91", "P-4")


async def test_the_first_hold_behind_the_end_starts_anew_and_leaves_a_row(store: Store) -> None:
    accounts = await _paying(store, 100)
    await _spent(store, accounts, 90)

    await store.hold(holding(accounts, 60, at_ms=TODAY.end))

    assert (await balances(store, accounts))[0] == (0, 60)
    assert await _rolls(store, accounts) == [
        Roll(accounts[0], 90, TODAY.start, TODAY.end, TODAY.end)
    ]
    assert await budgets.differences(store) == []


async def test_until_the_end_nothing_starts_anew(store: Store) -> None:
    accounts = await _paying(store, 100)
    await _spent(store, accounts, 90)

    with pytest.raises(BudgetExhausted, match="starts anew at 2023-11-14T23:00:00Z") as refusal:
        await store.hold(holding(accounts, 60, at_ms=TODAY.end - 1_500))

    assert refusal.value.retry_after_s == 2
    assert await _rolls(store, accounts) == []


async def test_what_is_held_across_the_end_stays_held_and_is_spent_in_the_new_window(
    store: Store,
) -> None:
    accounts = await _paying(store, 100)
    old = holding(accounts, 70)
    await store.hold(old)
    await store.hold(holding(accounts, 30, at_ms=TODAY.end))

    await store.settle(settling(old, 50))

    assert (await balances(store, accounts))[0] == (50, 30)
    assert await budgets.differences(store) == []


async def test_what_is_held_across_the_end_takes_room_of_the_new_window(store: Store) -> None:
    accounts = await _paying(store, 100)
    await store.hold(holding(accounts, 70))

    with pytest.raises(BudgetExhausted, match=r"\$0.00 spent, \$0.00000007 held"):
        await store.hold(holding(accounts, 31, at_ms=TODAY.end))

    assert len(await _rolls(store, accounts)) == 1


async def test_a_late_call_lands_in_the_window_that_contains_it(store: Store) -> None:
    accounts = await _paying(store, 100)
    late = TODAY.end + 40 * 24 * HOUR

    await store.hold(holding(accounts, 60, at_ms=late))

    (row,) = [row for row in await budgets.accounts(store) if row.id == accounts[0]]
    found = window(DAILY, late)
    assert (row.started_at, row.ends_at) == (found.start, found.end)
    assert len(await _rolls(store, accounts)) == 1


async def test_a_clock_that_jumps_back_and_forth_over_the_end_starts_anew_once(
    store: Store,
) -> None:
    accounts = await _paying(store, 100)

    for at_ms in (TODAY.end + 5, TODAY.end - 5, TODAY.end + 10, TODAY.start, TOMORROW.end - 1):
        hold = holding(accounts, 40, at_ms=at_ms)
        await store.hold(hold)
        await store.settle(settling(hold, 10))

    assert (await balances(store, accounts))[0] == (50, 0)
    assert [over.ended_at for over in await _rolls(store, accounts)] == [TODAY.end]


async def test_many_that_come_behind_the_end_at_once_start_it_anew_once(
    store: Store, address: str
) -> None:
    accounts = await _paying(store, 100)
    await _spent(store, accounts, 100)
    others = [open_store(address) for _ in range(3)]

    results = await asyncio.gather(
        *(each.hold(holding(accounts, 10, at_ms=TODAY.end + 1)) for each in [store, *others] * 10),
        return_exceptions=True,
    )

    assert results.count(None) == 10
    assert (await balances(store, accounts))[0] == (0, 100)
    assert len(await _rolls(store, accounts)) == 1
    for other in others:
        await other.close()


async def test_a_call_that_no_window_has_room_for_is_refused_in_the_new_one(store: Store) -> None:
    accounts = await _paying(store, 100)
    hold = holding(accounts, 101, at_ms=TODAY.end)

    with pytest.raises(BudgetExhausted):
        await store.hold(hold)

    assert await state(store, hold) is None
    assert len(await _rolls(store, accounts)) == 1


async def test_accounts_of_different_periods_start_anew_each_in_its_time(store: Store) -> None:
    rest = (await four_accounts(store))[2:]
    days, weeks = DAILY, Period(Calendar.WEEK)
    accounts = (await account(store, 100, days), await account(store, 100, weeks), *rest)
    await _spent(store, accounts, 60)

    await store.hold(holding(accounts, 40, at_ms=TODAY.end))

    assert (await balances(store, accounts))[:2] == [(0, 40), (60, 40)]


async def test_without_a_limit_windows_end_all_the_same(store: Store) -> None:
    accounts = await _paying(store, None)
    await _spent(store, accounts, 60)

    await store.hold(holding(accounts, 40, at_ms=TODAY.end))

    assert (await balances(store, accounts))[0] == (0, 40)


async def test_what_runs_from_the_first_call_on_begins_with_it(store: Store) -> None:
    accounts = await _paying(store, 100, Period(60))

    await store.hold(holding(accounts, 40, at_ms=NOW + 90_000))

    (row,) = [row for row in await budgets.accounts(store) if row.id == accounts[0]]
    assert (row.started_at, row.ends_at) == (NOW + 90_000, NOW + 150_000)


async def test_a_soft_limit_lets_pass_what_it_has_no_room_for(store: Store) -> None:
    accounts = await four_accounts(store, 100)
    (owner,) = [row.owner for row in await budgets.accounts(store) if row.id == accounts[0]]
    await store.write(budgets.limiting(owner, has_budget=True, limit=100, is_soft=True))

    await store.hold(holding(accounts, 1_000))

    assert (await balances(store, accounts))[0] == (0, 1_000)


async def _paying(store: Store, limit: int | None, period: Period = DAILY) -> Accounts:
    """Four accounts, the first with a budget that starts anew."""
    first = await account(store, limit, period)
    return (first, *(await four_accounts(store, NO_BUDGET))[1:])


async def _spent(store: Store, accounts: Accounts, amount: int) -> Hold:
    hold = holding(accounts, amount)
    await store.hold(hold)
    await store.settle(settling(hold, amount))
    return hold


async def _rolls(store: Store, accounts: Accounts) -> list[Roll]:
    (owner,) = [row.owner for row in await budgets.accounts(store) if row.id == accounts[0]]
    return await budgets.rolls(store, owner, 10)

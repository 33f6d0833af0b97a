"""Accounts beside the four of a call: narrowed to a provider or a model, on every ledger there is."""

from __future__ import annotations

from dataclasses import replace

import pytest
from databases import (
    NO_BUDGET,
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

from tollhouse.control import reports
from tollhouse.domain.budget import Outcome, Share
from tollhouse.domain.errors import BudgetExhausted
from tollhouse.domain.reports import By, Scope
from tollhouse.storage import budgets, days

pytestmark = pytest.mark.req("OT-37", "P-3", "P-4")

ANSWERED = "echo:small"
"""The target that `settling` names."""


async def test_a_hold_counts_on_further_accounts_too(store: Store) -> None:
    accounts, narrowed = await _accounts(store, 100)

    await store.hold(holding(accounts, 40, shares=(Share(narrowed, "echo:*"),)))

    assert await balances(store, (*accounts, narrowed)) == [(0, 40)] * 5
    assert await budgets.differences(store) == []


async def test_a_further_account_without_room_refuses_for_all(store: Store) -> None:
    accounts, narrowed = await _accounts(store, 39)
    hold = holding(accounts, 40, shares=(Share(narrowed, "echo:*"),))

    with pytest.raises(BudgetExhausted):
        await store.hold(hold)

    assert await balances(store, (*accounts, narrowed)) == [(0, 0)] * 5
    assert await state(store, hold) is None
    assert await store.read("SELECT call FROM shares") == []


@pytest.mark.parametrize(
    ("target", "spent"),
    [("", 30), ("echo:*", 30), (ANSWERED, 30), ("other:*", 0), ("echo:smaller", 0), ("ech:*", 0)],
)
async def test_it_is_spent_where_the_target_answered_and_given_back_elsewhere(
    store: Store, target: str, spent: int
) -> None:
    accounts, narrowed = await _accounts(store, 100)
    hold = holding(accounts, 40, shares=(Share(narrowed, target),))
    await store.hold(hold)

    assert await store.settle(settling(hold, 30)) is True
    assert await store.settle(settling(hold, 30)) is False

    assert await balances(store, (*accounts, narrowed)) == [(30, 0)] * 4 + [(spent, 0)]
    assert await budgets.differences(store) == []


async def test_where_nobody_knows_who_answered_it_is_spent(store: Store) -> None:
    accounts, narrowed = await _accounts(store, 100)
    hold = holding(accounts, 40, shares=(Share(narrowed, "other:*"),))
    await store.hold(hold)

    await store.settle(replace(settling(hold, 30), target=None))

    assert await balances(store, (narrowed,)) == [(30, 0)]


async def test_what_ended_unseen_stays_held_there_too(store: Store) -> None:
    accounts, narrowed = await _accounts(store, 100)
    hold = holding(accounts, 40, shares=(Share(narrowed, "echo:*"),))
    await store.hold(hold)

    await store.settle(settling(hold, 0, Outcome.UNKNOWN))

    assert await balances(store, (narrowed,)) == [(0, 40)]
    assert await budgets.differences(store) == []


async def test_another_process_settles_it_on_all_of_them(store: Store, address: str) -> None:
    accounts, narrowed = await _accounts(store, 100)
    hold = holding(accounts, 40, shares=(Share(narrowed, "echo:*"),))
    await store.hold(hold)
    other = open_store(address)

    await other.settle(settling(hold, 30))

    assert await balances(store, (*accounts, narrowed)) == [(30, 0)] * 5
    await other.close()


async def test_a_narrowed_budget_alone_is_a_budget(store: Store) -> None:
    accounts = await four_accounts(store)
    narrowed = await account(store, 100)

    await store.hold(holding(accounts, 40, shares=(Share(narrowed, "echo:*"),)))

    assert await balances(store, (narrowed,)) == [(0, 40)]


@pytest.mark.req("OT-39")
async def test_a_call_on_no_account_is_written_down_and_counts_nowhere(store: Store) -> None:
    accounts, _ = await _accounts(store, 100)
    tenant, project, user, key = accounts
    hold = holding((-tenant, -project, -user, -key), 0)
    await store.hold(hold)

    assert await store.settle(settling(hold, 30)) is True

    assert await state(store, hold) == "settled"
    assert await store.read("SELECT owed FROM calls") == [(30,)]
    assert await balances(store, accounts) == [(0, 0)] * 4
    assert await budgets.differences(store) == []


async def test_what_is_folded_into_its_day_still_adds_up(store: Store) -> None:
    accounts, narrowed = await _accounts(store, 1_000)
    for amount in (30, 40, 50):
        hold = holding(accounts, amount, shares=(Share(narrowed, "echo:*"),))
        await store.hold(hold)
        await store.settle(settling(hold, amount))
        page = await days.next_page(store, "", 2**60)
        assert page is not None
        await days.fold(store, page, 2**60)

    assert await balances(store, (*accounts, narrowed)) == [(120, 0)] * 5
    assert await store.read("SELECT owed FROM shares") == [(120,)]
    assert await budgets.differences(store) == []


@pytest.mark.req("OT-8")
async def test_the_end_user_stands_in_the_row(store: Store) -> None:
    accounts, _ = await _accounts(store, 100)

    await store.hold(replace(holding(accounts, 40), end_user="customer 7"))

    assert await store.read("SELECT end_user FROM calls") == [("customer 7",)]


@pytest.mark.req("OT-8", "P-11")
async def test_what_end_users_came_to_is_told_apart_and_adds_up(store: Store) -> None:
    accounts, _ = await _accounts(store, 1_000)
    for end_user, owed in (("anna", 10), ("bert", 20), ("anna", 5), (None, 3)):
        hold = replace(holding(accounts, 40), end_user=end_user)
        await store.hold(hold)
        await store.settle(settling(hold, owed))

    report = await reports.report(store, [By.END_USER], Scope())

    owed_by = {line.labels: line.sums.owed for line in report.lines}
    assert owed_by == {("",): 3, ("anna",): 15, ("bert",): 20}
    assert report.total.owed == 38


async def _accounts(store: Store, narrowed: int) -> tuple[Accounts, int]:
    return await four_accounts(store, 1_000, NO_BUDGET), await account(store, narrowed)

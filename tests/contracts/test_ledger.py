"""What every ledger promises, on every ledger there is."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from databases import (
    NO_BUDGET,
    UNLIMITED,
    Store,
    balances,
    four_accounts,
    holding,
    limiting,
    open_store,
    settling,
    state,
)

from tollhouse.domain.budget import Attempt, Outcome
from tollhouse.domain.errors import BudgetExhausted, BudgetMissing
from tollhouse.domain.pricing import Usage
from tollhouse.domain.storing import Conflict
from tollhouse.storage import budgets, calls


async def test_a_hold_counts_on_all_four_accounts(store: Store) -> None:
    accounts = await four_accounts(store, 100, 100, 100, 100)

    await store.hold(holding(accounts, 40))

    assert await balances(store, accounts) == [(0, 40)] * 4


@pytest.mark.req("B-6", "P-11")
async def test_a_hold_is_a_row_that_says_whose_it_is(store: Store) -> None:
    accounts = await four_accounts(store, 100)
    hold = holding(accounts, 40)

    await store.hold(hold)

    assert await store.read(
        "SELECT id, request_id, owner, tenant, project, user_id, key_id, tenant_account, project_account,"
        " user_account, key_account, route, model, held, state, created_at FROM calls"
    ) == [
        (hold.call, "req_1", "owner-1", "acme", "acme/default", "acme/anna", "key-1", *accounts)
        + ("chat", "small", 40, "held", 1_700_000_000_000)
    ]


@pytest.mark.parametrize("tight", range(4))
async def test_one_account_without_room_refuses_for_all_and_is_named(
    store: Store, tight: int
) -> None:
    limits = [1_000, 1_000, 1_000, 1_000]
    limits[tight] = 39
    accounts = await four_accounts(store, *limits)
    hold = holding(accounts, 40)

    with pytest.raises(BudgetExhausted) as refusal:
        await store.hold(hold)

    (owner,) = [row.owner for row in await budgets.accounts(store) if row.id == accounts[tight]]
    assert f"The budget of {owner} has $0.000000039: $0.00 spent" in refusal.value.detail
    assert await balances(store, accounts) == [(0, 0)] * 4
    assert await state(store, hold) is None


@pytest.mark.req("P-4")
async def test_a_refusal_says_what_is_spent_and_what_is_held(store: Store) -> None:
    accounts = await four_accounts(store, 100)
    first, second = holding(accounts, 30), holding(accounts, 50)
    await store.hold(first)
    await store.settle(settling(first, 20))
    await store.hold(second)

    with pytest.raises(BudgetExhausted) as refusal:
        await store.hold(holding(accounts, 31))

    assert "has $0.0000001: $0.00000002 spent, $0.00000005 held" in refusal.value.detail
    assert "could cost up to $0.000000031" in refusal.value.detail


async def test_a_hold_may_take_the_last_of_a_budget(store: Store) -> None:
    accounts = await four_accounts(store, 100)

    await store.hold(holding(accounts, 100))

    assert await balances(store, accounts) == [(0, 100)] * 4


async def test_an_account_without_a_limit_refuses_nothing(store: Store) -> None:
    accounts = await four_accounts(store, UNLIMITED)

    await store.hold(holding(accounts, 2**60))

    assert await balances(store, accounts) == [(0, 2**60)] * 4


async def test_a_limit_without_a_budget_limits_nothing(store: Store) -> None:
    accounts = await four_accounts(store, NO_BUDGET, 100)

    await store.hold(holding(accounts, 100))

    assert await balances(store, accounts) == [(0, 100)] * 4


async def test_without_any_budget_nothing_is_held(store: Store) -> None:
    accounts = await four_accounts(store)
    hold = holding(accounts, 1)

    with pytest.raises(BudgetMissing, match="tollhouse budgets set"):
        await store.hold(hold)

    assert await state(store, hold) is None


@pytest.mark.parametrize("limit", [0, NO_BUDGET])
async def test_a_free_call_passes_whatever_the_budget(store: Store, limit: int) -> None:
    accounts = await four_accounts(store, limit)
    hold = holding(accounts, 0)

    await store.hold(hold)

    assert await state(store, hold) == "held"
    assert await store.settle(settling(hold))


async def test_a_budget_of_nothing_lets_nothing_through(store: Store) -> None:
    accounts = await four_accounts(store, 0)

    with pytest.raises(BudgetExhausted):
        await store.hold(holding(accounts, 1))


async def test_an_id_that_is_taken_is_a_conflict_and_holds_nothing(store: Store) -> None:
    accounts = await four_accounts(store, 100)
    hold = holding(accounts, 10)
    await store.hold(hold)

    with pytest.raises(Conflict):
        await store.hold(hold)

    assert await balances(store, accounts) == [(0, 10)] * 4


async def test_an_account_that_is_not_there_is_a_conflict(store: Store) -> None:
    tenant, project, user, key = await four_accounts(store, 100)

    with pytest.raises(Conflict):
        await store.hold(holding((tenant, project, user, key + 1000), 10))

    assert await balances(store, (tenant, project, user, key)) == [(0, 0)] * 4


async def test_among_many_only_the_one_to_blame_fails(store: Store) -> None:
    accounts = await four_accounts(store, 100)
    tenant, project, user, key = accounts
    taken, lost = holding(accounts, 10), holding((tenant, project, user, key + 1000), 10)
    await store.hold(taken)

    together = [holding(accounts, 10), taken, holding(accounts, 10), lost, holding(accounts, 200)]
    results = await asyncio.gather(*(store.hold(hold) for hold in together), return_exceptions=True)

    assert [type(result) for result in results] == [
        *(type(None), Conflict, type(None), Conflict, BudgetExhausted)
    ]
    assert await balances(store, accounts) == [(0, 30)] * 4


async def test_settling_gives_back_the_hold_and_takes_what_is_owed(store: Store) -> None:
    accounts = await four_accounts(store, 100)
    hold, other = holding(accounts, 40), holding(accounts, 50)
    await store.hold(hold)
    await store.hold(other)

    assert await store.settle(settling(hold, 15))

    assert await balances(store, accounts) == [(15, 50)] * 4


@pytest.mark.req("P-11")
async def test_a_settled_call_says_how_it_ended(store: Store) -> None:
    accounts = await four_accounts(store, 100)
    hold = holding(accounts, 40)
    await store.hold(hold)

    await store.settle(settling(hold, 15, Outcome.CUT_BY_CLIENT))

    assert await store.read(
        "SELECT state, held, settled_at, outcome, owed, input, output, cache_read, cache_write, source, target,"
        " price, anomaly, images, seconds, characters FROM calls"
    ) == [
        ("settled", 40, 1_700_000_001_000, "cut_by_client", 15, 3, 5, 7, 11, "provider")
        + ("echo:small", 4, None, 13, 17, 19)
    ]


@pytest.mark.req("P-9")
async def test_of_a_settled_call_all_is_kept_that_its_cost_was_made_of(store: Store) -> None:
    accounts = await four_accounts(store, 100)
    hold, plain = holding(accounts, 40), holding(accounts, 40)
    whole = settling(hold, 15)
    await store.hold(hold)
    await store.hold(plain)

    await store.settle(whole)
    await store.settle(replace(settling(plain, 15), usage=Usage(1, 2)))

    found = [await calls.call(store, each.call) for each in (hold, plain)]
    assert [each and each.usage for each in found] == [whole.usage, Usage(1, 2)]
    assert [each and each.price for each in found] == [4, 4]


async def test_more_than_was_held_is_still_owed(store: Store) -> None:
    accounts = await four_accounts(store, 100)
    hold = holding(accounts, 40)
    await store.hold(hold)

    await store.settle(settling(hold, 130))

    assert await balances(store, accounts) == [(130, 0)] * 4


@pytest.mark.req("S-86", "P-4", "B-6")
async def test_settling_twice_counts_once(store: Store) -> None:
    accounts = await four_accounts(store, 100)
    hold = holding(accounts, 40)
    await store.hold(hold)

    first = await store.settle(settling(hold, 15))
    second = await store.settle(settling(hold, 25))

    assert (first, second) == (True, False)
    assert await balances(store, accounts) == [(15, 0)] * 4


@pytest.mark.req("S-86")
async def test_settling_at_the_same_time_counts_once(store: Store, address: str) -> None:
    accounts = await four_accounts(store, 100)
    hold = holding(accounts, 40)
    await store.hold(hold)
    other = open_store(address)

    counted = await asyncio.gather(
        *(ledger.settle(settling(hold, 15)) for ledger in [store, other] * 10)
    )

    assert sum(counted) == 1
    assert await balances(store, accounts) == [(15, 0)] * 4
    await other.close()


async def test_what_was_never_held_settles_to_nothing(store: Store) -> None:
    accounts = await four_accounts(store, 100)

    counted = await store.settle(settling(holding(accounts, 40), 15))

    assert not counted
    assert await balances(store, accounts) == [(0, 0)] * 4


async def test_an_unseen_end_keeps_the_hold(store: Store) -> None:
    accounts = await four_accounts(store, 100)
    hold = holding(accounts, 40)
    await store.hold(hold)

    first = await store.settle(settling(hold, 0, Outcome.UNKNOWN))
    second = await store.settle(settling(hold, 0, Outcome.UNKNOWN))

    assert (first, second) == (True, False)
    assert await state(store, hold) == "unknown"
    assert await balances(store, accounts) == [(0, 40)] * 4
    assert await store.read("SELECT outcome, owed, settled_at FROM calls") == [
        ("unknown", None, None)
    ]


async def test_what_was_unknown_can_be_settled_and_then_stays_so(store: Store) -> None:
    accounts = await four_accounts(store, 100)
    hold = holding(accounts, 40)
    await store.hold(hold)
    await store.settle(settling(hold, 0, Outcome.UNKNOWN))

    settled = await store.settle(settling(hold, 25))
    unknown = await store.settle(settling(hold, 0, Outcome.UNKNOWN))

    assert (settled, unknown) == (True, False)
    assert await state(store, hold) == "settled"
    assert await balances(store, accounts) == [(25, 0)] * 4


async def test_attempts_are_kept_in_their_order(store: Store) -> None:
    accounts = await four_accounts(store, 100)
    hold = holding(accounts, 40)
    refused, lost = Attempt("a:m", Outcome.REFUSED, 503), Attempt("b:m", Outcome.NOT_SENT)
    await store.hold(hold)

    await store.settle(settling(hold, 0, Outcome.UNKNOWN, (refused, lost)))
    await store.settle(
        settling(hold, 9, Outcome.COMPLETED, (Attempt("c:m", Outcome.REFUSED, 429),))
    )

    rows = await store.read("SELECT call, number, target, outcome, status FROM attempts ORDER BY 2")
    assert rows == [
        (hold.call, 0, "a:m", "refused", 503),
        (hold.call, 1, "b:m", "not_sent", None),
        (hold.call, 2, "c:m", "refused", 429),
    ]


async def test_a_settlement_that_does_not_count_leaves_no_attempts(store: Store) -> None:
    accounts = await four_accounts(store, 100)
    hold = holding(accounts, 40)
    await store.hold(hold)
    await store.settle(settling(hold, 9))

    await store.settle(settling(hold, 9, attempts=(Attempt("a:m", Outcome.REFUSED, 503),)))

    assert await store.read("SELECT * FROM attempts") == []


async def test_a_negative_amount_is_a_conflict_and_changes_nothing(store: Store) -> None:
    accounts = await four_accounts(store, 100)
    hold = holding(accounts, 40)
    await store.hold(hold)

    with pytest.raises(Conflict):
        await store.settle(settling(hold, -1))
    with pytest.raises(Conflict):
        await store.hold(holding(accounts, -1))

    assert await state(store, hold) == "held"
    assert await balances(store, accounts) == [(0, 40)] * 4


async def test_a_settlement_counts_before_a_hold_that_came_after_it(store: Store) -> None:
    accounts = await four_accounts(store, 100)
    hold = holding(accounts, 100)
    await store.hold(hold)

    settled, held = store.settle(settling(hold, 0)), store.hold(holding(accounts, 100))

    assert await settled
    await held


async def test_a_waiter_that_is_cancelled_leaves_a_hold_that_can_be_settled(store: Store) -> None:
    accounts = await four_accounts(store, 100)
    hold = holding(accounts, 100)

    async def wait() -> None:
        await asyncio.shield(store.hold(hold))

    waiter = asyncio.create_task(wait())
    await asyncio.sleep(0)
    waiter.cancel()

    assert await store.settle(settling(hold))
    assert waiter.cancelled()
    assert await balances(store, accounts) == [(0, 0)] * 4


@pytest.mark.req("S-90")
async def test_an_open_hold_keeps_nobody_waiting(store: Store, address: str) -> None:
    accounts = await four_accounts(store, 100)
    other = open_store(address)
    await store.hold(holding(accounts, 40))

    async with asyncio.timeout(2):
        await other.hold(holding(accounts, 40))

    assert await balances(store, accounts) == [(0, 80)] * 4
    await other.close()


async def test_a_limit_that_is_lowered_holds_for_the_next(store: Store) -> None:
    accounts = await four_accounts(store, 100)
    (owner,) = [row.owner for row in await budgets.accounts(store) if row.id == accounts[0]]
    await store.hold(holding(accounts, 40))

    await store.write(limiting(owner, 40))

    with pytest.raises(BudgetExhausted):
        await store.hold(holding(accounts, 1))


@pytest.mark.req("OT-4", "P-3", "S-84")
async def test_of_two_hundred_at_once_exactly_those_that_fit_are_let_in(store: Store) -> None:
    accounts = await four_accounts(store, 1_005, UNLIMITED, 5_000, UNLIMITED)

    results = await asyncio.gather(
        *(store.hold(holding(accounts, 100)) for _ in range(200)), return_exceptions=True
    )

    assert results.count(None) == 10
    assert sum(isinstance(result, BudgetExhausted) for result in results) == 190
    assert await balances(store, accounts) == [(0, 1_000)] * 4
    assert await budgets.differences(store) == []

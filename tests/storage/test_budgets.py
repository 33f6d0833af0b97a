from __future__ import annotations

import pytest

from stores import Store, acme_key, hold, settle
from tollhouse.domain.budget import Outcome
from tollhouse.storage import budgets
from tollhouse.storage.budgets import Difference


@pytest.mark.req("S-92")
async def test_balances_of_held_unknown_and_settled_calls_add_up(store: Store) -> None:
    key = await acme_key(store)
    await hold(store, key, "c1", 500)
    await hold(store, key, "c2", 700)
    await hold(store, key, "c3", 900)
    await settle(store, "c2", 300)
    await settle(store, "c3", 0, Outcome.UNKNOWN)

    differences = await budgets.differences(store)

    assert differences == []
    account = await budgets.account(store, "tenant:acme")
    assert account is not None
    assert (account.spent, account.held) == (300, 1400)


async def test_a_balance_that_was_tampered_with_is_named(store: Store) -> None:
    key = await acme_key(store)
    await hold(store, key, "c1", 500)
    await settle(store, "c1", 200)
    await store.write(("UPDATE accounts SET spent = $1 WHERE owner = $2", (1, "tenant:acme")))

    differences = await budgets.differences(store)

    assert differences == [Difference("tenant:acme", 1, 0, 200, 0)]


async def test_an_account_that_is_not_there_is_none(store: Store) -> None:
    assert await budgets.account(store, "tenant:nobody") is None

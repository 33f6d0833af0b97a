from __future__ import annotations

import pytest

from stores import acme_key, hold
from tollhouse.control import budgets
from tollhouse.control.budgets import NOTHING, UNLIMITED, Grant
from tollhouse.domain import amounts
from tollhouse.domain.errors import BudgetExhausted, FieldInvalid
from tollhouse.domain.storing import Conflict
from tollhouse.storage.sqlite import SqliteDatabase


async def test_a_limit_holds_from_the_next_call_on(sqlite: SqliteDatabase) -> None:
    key = await acme_key(sqlite)
    await hold(sqlite, key, "c1", 900)

    await budgets.grant(sqlite, f"key:{key.id}", Grant(is_granted=True, limit=1000))

    with pytest.raises(BudgetExhausted):
        await hold(sqlite, key, "c2", 200)


async def test_what_is_left_is_never_less_than_nothing(sqlite: SqliteDatabase) -> None:
    key = await acme_key(sqlite)
    await hold(sqlite, key, "c1", 900)

    account = await budgets.grant(sqlite, "tenant:acme", Grant(is_granted=True, limit=500))

    assert account.held == 900
    assert budgets.left(account) == 0


async def test_no_limit_and_no_budget_are_two_things(sqlite: SqliteDatabase) -> None:
    await acme_key(sqlite)

    unlimited = await budgets.grant(sqlite, "tenant:acme", UNLIMITED)
    nothing = await budgets.grant(sqlite, "tenant:acme", NOTHING)

    assert (unlimited.has_budget, unlimited.limit) == (True, None)
    assert (nothing.has_budget, nothing.limit) == (False, None)


async def test_an_owner_must_exist_and_be_of_a_kind(sqlite: SqliteDatabase) -> None:
    with pytest.raises(Conflict):
        await budgets.grant(sqlite, "tenant:nobody", UNLIMITED)
    with pytest.raises(FieldInvalid):
        await budgets.grant(sqlite, "planet:earth", UNLIMITED)


@pytest.mark.parametrize(
    ("text", "nanos"),
    [("10", 10_000_000_000), ("0.50", 500_000_000), ("$0.000000001", 1), ("0", 0)],
)
def test_dollars_are_read_exactly(text: str, nanos: int) -> None:
    assert amounts.nanos(text, "limit") == nanos


@pytest.mark.parametrize(
    "text",
    ["", "-1", "+1", "1e3", "1,5", ".5", "1.", "nan", "inf", "0.0000000001", "9" * 10, "\u0661"],
)
def test_what_is_no_plain_amount_is_refused(text: str) -> None:
    with pytest.raises(FieldInvalid):
        amounts.nanos(text, "limit")

from __future__ import annotations

import pytest

from stores import NOW, acme_key, hold, settle
from tollhouse.control import budgets
from tollhouse.control.budgets import NOTHING, UNLIMITED, Grant, Scope, Start
from tollhouse.domain import amounts
from tollhouse.domain.errors import BudgetExhausted, FieldInvalid
from tollhouse.domain.periods import Calendar, Period
from tollhouse.domain.storing import Conflict
from tollhouse.storage import conversations
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


async def test_a_narrowed_budget_is_one_however_often_it_is_opened(
    sqlite: SqliteDatabase,
) -> None:
    await acme_key(sqlite)

    names = [await budgets.narrow(sqlite, "tenant:acme", Scope("openai")) for _ in range(2)]

    assert names == ["tenant:acme?provider=openai"] * 2
    assert (await budgets.found(sqlite, names[0])).owner == names[0]
    with pytest.raises(Conflict):
        await budgets.narrow(sqlite, "tenant:nobody", Scope("openai"))


async def test_what_is_left_of_no_limit_is_not_said(sqlite: SqliteDatabase) -> None:
    await acme_key(sqlite)

    unlimited = await budgets.grant(sqlite, "tenant:acme", UNLIMITED)
    nothing = await budgets.grant(sqlite, "project:acme/default", Grant(is_granted=False, limit=5))
    limited = await budgets.grant(sqlite, "tenant:acme", Grant(is_granted=True, limit=5))

    assert [budgets.left(each) for each in (unlimited, nothing, limited)] == [None, None, 5]


async def test_conversations_are_not_among_the_owners(sqlite: SqliteDatabase) -> None:
    key = await acme_key(sqlite)

    await conversations.account(sqlite, key.id, "c1", 5)

    assert {each.owner for each in await budgets.listed(sqlite)} == {
        *("tenant:acme", "project:acme/default"),
        *(f"user:acme/key-{key.id}", f"key:{key.id}"),
    }


async def test_alerts_stay_as_they_are_where_nothing_is_said_of_them(
    sqlite: SqliteDatabase,
) -> None:
    await acme_key(sqlite)
    wanted = []

    for alert_at in ((80, 50), None, ()):
        await budgets.grant(sqlite, "tenant:acme", UNLIMITED, alert_at=alert_at)
        wanted += await sqlite.read("SELECT alerts FROM accounts WHERE owner = 'tenant:acme'")

    assert wanted == [("[50, 80]",), ("[50, 80]",), (None,)]


async def test_another_period_begins_anew_and_the_same_one_does_not(
    sqlite: SqliteDatabase,
) -> None:
    key = await acme_key(sqlite)
    await hold(sqlite, key, "c1", 900)
    await settle(sqlite, "c1", 700)
    month = Period(Calendar.MONTH)

    begun = await budgets.grant(sqlite, "tenant:acme", UNLIMITED, Start(month, NOW))
    same = await budgets.grant(sqlite, "tenant:acme", UNLIMITED, Start(month, NOW + 1))
    for_ever = await budgets.grant(sqlite, "tenant:acme", UNLIMITED, Start(None, NOW + 2))

    assert (begun.period, begun.spent) == (month, 0)
    assert same == begun
    assert for_ever.period is None
    assert [each.spent for each in await budgets.rolls(sqlite, "tenant:acme", 5)][-1:] == [700]


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

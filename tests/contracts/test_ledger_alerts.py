"""What is told of budgets that come to an end, on every ledger there is: each part once in each window."""

from __future__ import annotations

import asyncio

import pytest
from databases import NOW, Accounts, Store, account, four_accounts, holding, open_store, settling

from tollhouse.control import alerting
from tollhouse.domain.errors import FieldInvalid
from tollhouse.domain.periods import Calendar, Period, window
from tollhouse.storage import alerts, budgets
from tollhouse.storage.alerts import Alert

DAILY = Period(Calendar.DAY)
TOMORROW = window(DAILY, NOW).end
PARTS = (50, 80, 100)


async def test_each_part_is_told_once_when_spending_reaches_it(store: Store) -> None:
    accounts = await _paying(store)

    told = []
    for amount in (49, 1, 10, 25, 15):
        await _spend(store, accounts, amount)
        told.append([(each.percent, each.spent) for each in await alerts.due(store, NOW)])

    assert told == [
        [],
        [(50, 50)],
        [(50, 50)],
        [(50, 50), (80, 85)],
        [(50, 50), (80, 85), (100, 100)],
    ]


async def test_a_window_that_begins_anew_tells_anew(store: Store) -> None:
    accounts = await _paying(store)
    await _spend(store, accounts, 60)

    await _spend(store, accounts, 70, TOMORROW)

    assert [each.percent for each in await alerts.due(store, NOW)] == [50, 50]
    assert len({each.id for each in await alerts.due(store, NOW)}) == 2


async def test_what_is_only_held_is_not_told(store: Store) -> None:
    accounts = await _paying(store)

    await store.hold(holding(accounts, 100))

    assert await alerts.due(store, NOW) == []


async def test_a_limit_that_only_tells_tells_beyond_it_too(store: Store) -> None:
    accounts = await _paying(store, (100, 150), is_soft=True)

    await _spend(store, accounts, 200)

    assert [each.percent for each in await alerts.due(store, NOW)] == [100, 150]


async def test_who_wants_to_hear_nothing_hears_nothing(store: Store) -> None:
    accounts = await _paying(store, ())

    await _spend(store, accounts, 100)

    assert await alerts.due(store, NOW) == []


async def test_of_many_that_tell_one_does_and_tries_until_it_is_taken(
    store: Store, address: str
) -> None:
    await _spend(store, await _paying(store), 60)
    other = open_store(address)
    noted: list[Alert] = []
    tried: list[str] = []
    moment = NOW

    async def tell(alert: Alert) -> bool:
        tried.append(alert.id)
        return len(tried) == 3

    async def look() -> None:
        looks = (
            alerting.tell_all(each, noted.append, tell, lambda: moment) for each in (store, other)
        )
        await asyncio.gather(*looks)

    await look()
    await look()
    assert len(tried) == 1
    for _ in range(3):
        moment += alerting.LONGEST_PAUSE_MS
        await look()

    assert len(tried) == 3
    assert len(set(tried)) == len(noted) == 1
    (last,) = await alerting.last(store, 10)
    assert (last.due_at, last.percent) == (None, 50)
    await other.close()


def test_parts_are_read_in_their_order() -> None:
    assert alerting.percents("100,50,80,50") == (50, 80, 100)
    assert alerting.percents("none") == ()


@pytest.mark.parametrize(
    "text", ["", "0", "-1", "50%", "1001", "5 0", "50,", "1.5", ",".join("123456789ab")]
)
def test_what_is_no_percent_is_refused(text: str) -> None:
    with pytest.raises(FieldInvalid) as refusal:
        alerting.percents(text)

    assert refusal.value.param == "alert_at"


async def _paying(
    store: Store, parts: tuple[int, ...] = PARTS, *, is_soft: bool = False
) -> Accounts:
    """Four accounts, of which the first has a limit of 100 a day."""
    first = await account(store, 100, DAILY)
    (owner,) = [row.owner for row in await budgets.accounts(store) if row.id == first]
    limiting = budgets.limiting(owner, has_budget=True, limit=100, is_soft=is_soft)
    await store.write(limiting, alerts.wanting(owner, parts))
    return (first, *(await four_accounts(store))[1:])


async def _spend(store: Store, accounts: Accounts, amount: int, at_ms: int = NOW) -> None:
    hold = holding(accounts, amount, at_ms=at_ms)
    await store.hold(hold)
    await store.settle(settling(hold, amount))

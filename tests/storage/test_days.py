from __future__ import annotations

import asyncio

import pytest

from stores import DAY_MS, NOW, Store, acme_key, hold, settle
from tollhouse.domain.budget import Attempt, Outcome, Settlement, Source
from tollhouse.domain.pricing import Usage
from tollhouse.domain.reports import EVER_MS, By, Scope, Sums
from tollhouse.storage import budgets, calls, days, reports
from tollhouse.storage.calls import Filter
from tollhouse.storage.days import Extent, Page

WHOLE = Page("", "~")
MIDNIGHT = NOW - NOW % DAY_MS
SUMMED = {"owed", "input", "output", "cache_read", "cache_write", "images", "seconds", "characters"}
TOLD_APART = {"tenant", "project", "user_id", "key_id", "route", "model", "target", "price"}
TOLD_APART |= {"outcome", "source", "anomaly"}
ACCOUNTS = {"tenant_account", "project_account", "user_account", "key_account"}
LEFT_BEHIND = {"id", "request_id", "owner", "held", "state", "created_at", "settled_at"}


@pytest.mark.req("P-26", "P-11")
async def test_a_folded_call_has_no_row_and_its_sums_stay(store: Store) -> None:
    await _used(store)
    before = await _sums(store)

    folded = await days.fold(store, WHOLE, MIDNIGHT + DAY_MS)

    assert folded == 2
    assert [call.id for call in await calls.page(store, Filter(), 10)] == ["c4", "c3"]
    assert await store.read("SELECT * FROM attempts") == []
    assert await store.read("SELECT * FROM folding") == []
    assert await _sums(store) == before
    assert await budgets.differences(store) == []


async def test_what_is_open_keeps_its_row_and_is_folded_once_it_is_settled(store: Store) -> None:
    await _used(store)
    await days.fold(store, WHOLE, EVER_MS)
    left = [call.state for call in await calls.page(store, Filter(), 10)]
    await settle(store, "c4", 30)

    folded = await days.fold(store, WHOLE, EVER_MS)

    assert (left, folded) == (["held"], 1)
    assert await budgets.differences(store) == []


async def test_a_day_that_lost_a_sum_is_found_out(store: Store) -> None:
    await _used(store)
    await days.fold(store, WHOLE, EVER_MS)

    await store.write(("UPDATE days SET owed = owed - 1", ()))

    differences = await budgets.differences(store)
    assert {each.owner for each in differences} >= {"tenant:acme", "project:acme/default"}


async def test_two_that_fold_at_once_count_no_call_twice(store: Store) -> None:
    await _used(store)
    before = await _sums(store)

    folded = await asyncio.gather(*(days.fold(store, WHOLE, EVER_MS) for _ in range(2)))

    assert sum(folded) == 3
    assert await _sums(store) == before
    assert await budgets.differences(store) == []


async def test_pages_go_on_while_there_are_old_calls(store: Store) -> None:
    await _used(store)

    page = await days.next_page(store, "", MIDNIGHT + DAY_MS)

    assert page == Page("", "c4")
    assert await days.next_page(store, "c4", MIDNIGHT + DAY_MS) is None
    assert await days.next_page(store, "", MIDNIGHT - DAY_MS) is None


async def test_the_extent_is_that_of_whole_days(store: Store) -> None:
    await _used(store)
    nothing = await days.extent(store)

    await days.fold(store, WHOLE, EVER_MS)

    assert nothing is None
    assert await days.extent(store) == Extent(MIDNIGHT, MIDNIGHT + 2 * DAY_MS)


async def test_every_column_of_a_call_is_in_its_day_or_left_behind_on_purpose(store: Store) -> None:
    """Who adds a column to calls decides here what becomes of it."""
    await _used(store)
    told_by_calls_alone = {"kinds", "end_user", "conversation"}

    named = await store.read(_COLUMNS[type(store).__name__])

    assert {
        name for (name,) in named
    } - told_by_calls_alone == SUMMED | TOLD_APART | ACCOUNTS | LEFT_BEHIND


_COLUMNS = {
    "SqliteDatabase": "SELECT name FROM pragma_table_info('calls')",
    "PostgresDatabase": "SELECT column_name FROM information_schema.columns"
    " WHERE table_name = 'calls' AND table_schema = current_schema()",
}


async def _sums(store: Store) -> dict[tuple[str, ...], Sums]:
    groups = await reports.groups(store, list(By), DAY_MS, Scope())
    return {(*each.labels.values(), str(each.began_ms)): each.sums for each in groups}


async def _used(store: Store) -> None:
    """Two settled calls of a day, one of the next, and one that is open."""
    key = await acme_key(store)
    await hold(store, key, "c1", 100)
    await hold(store, key, "c2", 100)
    await hold(store, key, "c3", 100, at_ms=NOW + DAY_MS)
    await hold(store, key, "c4", 70)
    usage = Usage(3, 5, 7, 11, images=13, seconds=17, characters=19)
    tried = (Attempt("echo:echo", Outcome.REFUSED, 500),)
    await store.settle(
        Settlement(
            "c1",
            Outcome.COMPLETED,
            40,
            usage,
            Source.PROVIDER,
            "echo:echo",
            1,
            NOW,
            tried,
            "no_usage",
        )
    )
    await settle(store, "c2", 0, Outcome.NOT_SENT)
    await settle(store, "c3", 50)

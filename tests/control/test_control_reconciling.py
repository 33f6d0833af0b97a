from __future__ import annotations

from decimal import Decimal

import pytest

from stores import DAY_MS, NOW, acme_key, hold, settle
from tollhouse.control.reconciling import Comparison, Match, reconcile
from tollhouse.domain.provider_reports import ProviderReport, Told
from tollhouse.storage.sqlite import SqliteDatabase

DAY = NOW // DAY_MS
ONE_CALL = Told(DAY, "echo", 10, 5, Decimal("0.00000005"))
"""What the provider says of one call for 50 nano-dollars."""


@pytest.mark.req("P-11")
async def test_books_that_agree_have_no_delta(sqlite: SqliteDatabase) -> None:
    made = await _compared(sqlite, ONE_CALL)

    (entry,) = made.entries
    assert (entry.match, entry.age_days) == (Match.BOTH, 3)
    assert (entry.input_delta, entry.output_delta, entry.owed_delta) == (0, 0, 0)
    assert made.differing(0) == []


@pytest.mark.parametrize(
    "told",
    [
        Told(DAY, "echo", 11, 5),
        Told(DAY, "echo", 10, 4),
        Told(DAY, "echo", 10, 5, Decimal("0.00000006")),
        Told(DAY, "other", 10, 5),
        Told(DAY + 1, "echo", 10, 5),
    ],
)
async def test_every_difference_is_told(sqlite: SqliteDatabase, told: Told) -> None:
    made = await _compared(sqlite, told)

    assert made.differing(0)


async def test_what_one_side_alone_knows_is_unmatched(sqlite: SqliteDatabase) -> None:
    made = await _compared(sqlite, Told(DAY, "other", 7, 3))

    ours, theirs = made.entries
    assert (ours.model, ours.match, ours.input_delta) == ("echo", Match.ONLY_OURS, 10)
    assert (theirs.model, theirs.match, theirs.input_delta) == ("other", Match.ONLY_THEIRS, -7)


async def test_money_may_differ_by_what_is_allowed_and_tokens_may_not(
    sqlite: SqliteDatabase,
) -> None:
    made = await _compared(sqlite, Told(DAY, "echo", 10, 5, Decimal("0.00000006")))

    assert made.differing(9)
    assert made.differing(10) == []


async def test_a_day_that_is_too_young_is_not_taken_for_different(sqlite: SqliteDatabase) -> None:
    made = await _compared(sqlite, Told(DAY, "echo", 9, 5))

    assert made.differing(0, settled_after_days=3)
    assert made.differing(0, settled_after_days=4) == []


async def test_usage_and_costs_come_in_two_exports(sqlite: SqliteDatabase) -> None:
    tokens, costs = Told(DAY, "echo", 10, 5), Told(DAY, "echo", dollars=ONE_CALL.dollars)
    await _one_call(sqlite)

    exports = [ProviderReport(DAY, DAY, (tokens,)), ProviderReport(DAY, DAY, (costs,))]
    made = await reconcile(sqlite, exports, "echo", {}, NOW)

    (entry,) = made.entries
    assert (entry.theirs.input, entry.theirs.nanos) == (10, 50)


@pytest.mark.parametrize("name", ["echo-2024-08-06", "echo-20240806", "echo@20240806", "theirs"])
async def test_a_model_is_known_without_its_date_or_as_it_is_said(
    sqlite: SqliteDatabase, name: str
) -> None:
    made = await _compared(sqlite, Told(DAY, name, 10, 5), {"theirs": "echo"})

    assert made.differing(0) == []


async def test_an_export_without_models_is_compared_by_days(sqlite: SqliteDatabase) -> None:
    made = await _compared(sqlite, Told(DAY, "", 10, 5))

    assert [(entry.model, entry.match) for entry in made.entries] == [("", Match.BOTH)]


async def test_days_that_the_export_does_not_cover_are_left_out(sqlite: SqliteDatabase) -> None:
    key = await acme_key(sqlite)
    for name, day in (("a", -1), ("b", 0), ("c", 1)):
        await hold(sqlite, key, name, 100, at_ms=NOW + day * DAY_MS)
        await settle(sqlite, name, 50)

    made = await reconcile(sqlite, [ProviderReport(DAY, DAY, (ONE_CALL,))], "echo", {}, NOW)

    assert [entry.day for entry in made.entries] == [DAY]


async def _compared(
    store: SqliteDatabase, told: Told, names: dict[str, str] | None = None
) -> Comparison:
    await _one_call(store)
    export = ProviderReport(DAY, max(DAY, told.day), (told,))
    return await reconcile(store, [export], "echo", names or {}, NOW + 3 * DAY_MS)


async def _one_call(store: SqliteDatabase) -> None:
    key = await acme_key(store)
    await hold(store, key, "c1", 100)
    await settle(store, "c1", 50)

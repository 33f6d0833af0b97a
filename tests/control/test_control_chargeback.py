from __future__ import annotations

from typing import Any

import pytest

from stores import DAY_MS, NOW, acme_key, hold, settle
from tollhouse.control import reports, usage
from tollhouse.control.chargeback import COLUMNS, chargeback
from tollhouse.control.usage import Whole
from tollhouse.domain.budget import Outcome
from tollhouse.domain.errors import FieldInvalid
from tollhouse.domain.reports import By, Scope
from tollhouse.domain.sheets import records
from tollhouse.storage import calls, days
from tollhouse.storage.days import Page
from tollhouse.storage.sqlite import SqliteDatabase

MANDATORY = {
    *("BilledCost", "BillingAccountId", "BillingAccountName", "BillingCurrency"),
    *("BillingPeriodEnd", "BillingPeriodStart", "ChargeCategory", "ChargeClass"),
    *("ChargeDescription", "ChargePeriodEnd", "ChargePeriodStart", "ContractedCost"),
    *("EffectiveCost", "InvoiceIssuerName", "ListCost", "PricingQuantity", "PricingUnit"),
    *("ProviderName", "PublisherName", "ServiceCategory", "ServiceName"),
}
"""Those of FOCUS 1.2."""

NULL = {"ChargeClass"}
COSTS = ("BilledCost", "ContractedCost", "EffectiveCost", "ListCost")


async def test_every_mandatory_column_is_there_and_says_something(sqlite: SqliteDatabase) -> None:
    await _used(sqlite)

    rows = await _rows(sqlite)

    names = {column.name for column in COLUMNS}
    assert names >= MANDATORY
    for row in rows:
        empty = {name for name, value in row.items() if value in (None, "")}
        assert empty == NULL
        assert row["ChargeCategory"] == "Usage"
        assert row["ServiceCategory"] == "AI and Machine Learning"
        assert row["BillingCurrency"] == "USD"


@pytest.mark.req("P-11")
async def test_the_costs_add_up_to_the_ledger(sqlite: SqliteDatabase) -> None:
    await _used(sqlite)
    report = await reports.report(sqlite, [By.TENANT], Scope())

    rows = await _rows(sqlite)

    for cost in COSTS:
        assert sum(row[f"{cost}_nanos"] for row in rows) == report.total.owed == 940


async def test_a_row_is_a_day_of_a_month(sqlite: SqliteDatabase) -> None:
    await _used(sqlite)

    row = next(row for row in await _rows(sqlite) if row["SkuId"] == "echo:echo")

    assert (row["ChargePeriodStart"], row["ChargePeriodEnd"]) == (
        "2027-01-15T00:00:00Z",
        "2027-01-16T00:00:00Z",
    )
    assert (row["BillingPeriodStart"], row["BillingPeriodEnd"]) == (
        "2027-01-01T00:00:00Z",
        "2027-02-01T00:00:00Z",
    )
    assert (row["PricingQuantity"], row["PricingUnit"]) == (15, "Tokens")


async def test_a_folded_day_is_charged_as_before_and_not_in_parts(sqlite: SqliteDatabase) -> None:
    await _used(sqlite)
    before = await _rows(sqlite)

    await days.fold(sqlite, Page("", "~"), NOW + 9 * DAY_MS)

    assert await _rows(sqlite) == before
    with pytest.raises(FieldInvalid):
        await chargeback(sqlite, Scope(from_ms=NOW), "me")


async def _rows(store: SqliteDatabase) -> list[dict[str, Any]]:
    rows = list(records(COLUMNS, await chargeback(store, Scope(), "me")))
    return [
        {name: value for name, value in row.items() if not name.endswith("_dollars")}
        for row in rows
    ]


async def _used(store: SqliteDatabase) -> None:
    """A call, one of the next day, and one that an operator charged though its target was never seen."""
    key = await acme_key(store)
    await hold(store, key, "c1", 100)
    await settle(store, "c1", 40)
    await hold(store, key, "c2", 100, at_ms=NOW + DAY_MS)
    await settle(store, "c2", 0, Outcome.NOT_SENT)
    await hold(store, key, "c3", 900, owner="dead")
    await calls.lose(store, NOW + DAY_MS)
    await usage.resolve(store, store, "c3", Whole.CHARGE, NOW)

from __future__ import annotations

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stores import DAY_MS, NOW, acme_key, hold, settle
from tollhouse.control import budgets, reports
from tollhouse.control.keys import Issued
from tollhouse.domain import periods
from tollhouse.domain.errors import FieldInvalid
from tollhouse.domain.reports import By, Report, Scope
from tollhouse.storage.sqlite import SqliteDatabase

MIDNIGHT = NOW - NOW % DAY_MS
HOUR_MS = 3_600_000
BYS = st.lists(st.sampled_from(By), min_size=1, unique=True)
CALLS = st.lists(
    st.tuples(
        st.integers(0, 1),  # by which key
        st.integers(0, 1_000),  # held
        st.none() | st.integers(0, 1_000),  # owed, if it is over
        st.integers(0, 3 * DAY_MS),  # when
    ),
    max_size=8,
)


@pytest.mark.req("P-11", "P-10", "OT-76")
@settings(max_examples=25, deadline=None)
@given(CALLS, BYS, st.sampled_from(["UTC", "Europe/Berlin", "Asia/Kathmandu"]))
def test_every_report_equals_the_rows_and_the_balances(
    calls: list[tuple[int, int, int | None, int]], by: list[By], zone: str
) -> None:
    report, spent, held, owed_by_rows = asyncio.run(_reported(calls, by, zone))

    assert report.total.owed == owed_by_rows == spent
    assert report.total.held == held
    assert report.total.calls == len(calls)
    for name in ("calls", "owed", "held", "input", "output"):
        lines = sum(getattr(line.sums, name) for line in report.lines)
        assert lines == getattr(report.total, name)


async def test_a_day_is_that_of_the_zone(sqlite: SqliteDatabase) -> None:
    key = await acme_key(sqlite)
    await _call(sqlite, key, "before", MIDNIGHT - HOUR_MS - 1)
    await _call(sqlite, key, "after", MIDNIGHT - HOUR_MS)

    in_utc = await reports.report(sqlite, [By.DAY], Scope())
    in_berlin = await reports.report(sqlite, [By.DAY], Scope(), ZoneInfo("Europe/Berlin"))

    assert _calls(in_utc) == {("2027-01-14",): 2}
    assert _calls(in_berlin) == {("2027-01-14",): 1, ("2027-01-15",): 1}


async def test_months_and_providers_are_told_apart(sqlite: SqliteDatabase) -> None:
    key = await acme_key(sqlite)
    await _call(sqlite, key, "c1", MIDNIGHT)
    await _call(sqlite, key, "c2", MIDNIGHT + 20 * DAY_MS)

    report = await reports.report(sqlite, [By.PROVIDER, By.MONTH], Scope())

    assert _calls(report) == {("echo", "2027-01"): 1, ("echo", "2027-02"): 1}


def test_a_zone_that_is_none_is_refused() -> None:
    with pytest.raises(FieldInvalid, match="no time zone 'Mars/Olympus'"):
        periods.found_zone("Mars/Olympus")
    with pytest.raises(FieldInvalid):
        periods.found_zone("../../etc/passwd")


async def _reported(
    calls: list[tuple[int, int, int | None, int]], by: list[By], zone: str
) -> tuple[Report, int, int, int]:
    with TemporaryDirectory() as directory:
        store = SqliteDatabase(Path(directory) / "tollhouse.db")
        await store.migrate()
        keys = [await acme_key(store), await acme_key(store, "other")]
        for number, (whose, amount, owed, after_ms) in enumerate(calls):
            await hold(store, keys[whose], f"c{number}", amount, at_ms=MIDNIGHT + after_ms)
            if owed is not None:
                await settle(store, f"c{number}", owed)
        report = await reports.report(store, by, Scope(), periods.found_zone(zone))
        account = await budgets.found(store, "tenant:acme")
        ((rows,),) = await store.read("SELECT COALESCE(SUM(owed), 0) FROM calls")
        await store.close()
        return report, account.spent, account.held, rows


async def _call(store: SqliteDatabase, key: Issued, call: str, at_ms: int) -> None:
    await hold(store, key, call, 10, at_ms=at_ms)
    await settle(store, call, 5)


def _calls(report: Report) -> dict[tuple[str, ...], int]:
    return {line.labels: line.sums.calls for line in report.lines}

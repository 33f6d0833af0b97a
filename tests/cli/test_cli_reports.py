from __future__ import annotations

import asyncio
import json
import stat

import pytest
from console import Console

from parquet_reader import read
from stores import DAY_MS, NOW, acme_key, hold, settle
from tollhouse.storage.sqlite import SqliteDatabase


def test_a_report_tells_its_total(console: Console) -> None:
    _used(console)

    report = console.json("usage", "report", "--by", "model", "--by", "day")

    assert [(row["model"], row["day"], row["owed_nanos"]) for row in report["rows"]] == [
        ("small", "2027-01-15", 300),
        ("small", "2027-01-16", 0),
    ]
    assert (report["total"]["owed_dollars"], report["total"]["held_nanos"]) == ("$0.0000003", 900)


def test_a_report_is_drawn(console: Console) -> None:
    _used(console)

    page = console.run("usage", "report", "--by", "day").out

    assert "█" in page
    assert page.splitlines()[-1].startswith("total")


def test_from_and_to_narrow_in_the_zone(console: Console) -> None:
    _used(console)
    whole_day = ("--from", "2027-01-15", "--to", "2027-01-16")

    here = console.json("usage", "report", *whole_day)
    elsewhere = console.json("usage", "report", *whole_day, "--zone", "Asia/Tokyo")

    assert (here["total"]["calls"], elsewhere["total"]["calls"]) == (1, 1)
    assert elsewhere["from"] == "2027-01-14T15:00:00Z"


@pytest.mark.parametrize("name", ["usage.csv", "usage.json", "usage.parquet"])
def test_a_file_has_the_format_of_its_name(console: Console, name: str) -> None:
    _used(console)
    file = console.directory / name

    ended = console.run("usage", "report", "--by", "key", "--output", str(file))

    assert (ended.status, ended.out) == (0, "")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert _owed(file.name, file.read_bytes()) == "300"


def test_a_file_of_another_kind_is_refused(console: Console) -> None:
    ended = console.run("usage", "report", "--output", "usage.xlsx")

    assert ended.status == 2
    assert ".parquet" in ended.err


def test_csv_is_printed(console: Console) -> None:
    _used(console)

    page = console.run("usage", "report", "--by", "tenant", "--csv").out

    assert page.splitlines() == [
        "tenant,calls,owed,held,input,output,cache_read,cache_write,images,seconds,characters",
        "acme,2,0.0000003,0.0000009,10,5,0,0,0,0,0",
    ]


def _owed(name: str, file: bytes) -> str:
    if name.endswith(".parquet"):
        columns, (row,) = read(file)
        return str(row[[name for name, _ in columns].index("owed")])
    if name.endswith(".json"):
        return str(json.loads(file)["rows"][0]["owed_nanos"])
    _, row = file.decode().splitlines()
    return str(round(float(row.split(",")[2]) * 1e9))


def _used(console: Console) -> None:
    console.run("migrate")

    async def use() -> None:
        store = SqliteDatabase(console.directory / "data" / "tollhouse.db")
        key = await acme_key(store)
        await hold(store, key, "c1", 500)
        await settle(store, "c1", 300)
        await hold(store, key, "c2", 900, at_ms=NOW + DAY_MS)
        await store.close()

    asyncio.run(use())

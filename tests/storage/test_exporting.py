from __future__ import annotations

import re

import pytest

from stores import Store, acme_key, hold
from tollhouse.storage import exporting
from tollhouse.storage.exporting import MOMENTARY, SECRET

_SCHEMA = {
    "SqliteDatabase": "SELECT m.name, c.name FROM sqlite_schema AS m, pragma_table_info(m.name) AS c"
    " WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%'",
    "PostgresDatabase": "SELECT table_name, column_name FROM information_schema.columns"
    " WHERE table_schema = current_schema()",
}


async def test_every_column_of_every_table_is_exported_but_secrets(store: Store) -> None:
    there = {(table, column) for table, column in await store.read(_SCHEMA[type(store).__name__])}

    exported = {(table.name, column) for table in exporting.tables() for column in table.columns}

    left_out = {pair for pair in there if pair[0] in MOMENTARY | {"migrations"}}
    assert exported == {pair for pair in there - left_out if pair[1] not in SECRET}


async def test_nothing_that_sounds_like_a_secret_is_exported(store: Store) -> None:
    names = {column for table in exporting.tables() for column in table.columns}

    assert not {name for name in names if re.search("digest|secret|password|private", name)}


@pytest.mark.parametrize("count", [0, 1, 5])
async def test_pages_tell_every_row_once(store: Store, count: int) -> None:
    key = await acme_key(store)
    for number in range(count):
        await hold(store, key, f"c{number}", 1)
    (calls,) = [table for table in exporting.tables() if table.name == "calls"]

    rows = [row async for row in exporting.rows(store, calls)]

    assert [row["id"] for row in rows] == [f"c{number}" for number in range(count)]


async def test_every_table_can_be_read_and_gone_on_with(store: Store) -> None:
    await acme_key(store)

    counts = {
        table.name: len([row async for row in exporting.rows(store, table)])
        for table in exporting.tables()
    }

    assert (counts["tenants"], counts["keys"], counts["accounts"]) == (1, 1, 4)

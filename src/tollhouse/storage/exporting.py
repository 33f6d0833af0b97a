"""Everything the store holds, table by table, but secrets and what lives for a moment.

What there is, is read off the schema itself: a table that a later step adds is exported without a line here.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import apsw

from tollhouse.ports import Database, Row
from tollhouse.storage.migrations import migrations

PAGE = 2000

MOMENTARY = frozenset({"owners", "folding", "replies", "claims", "logins"})
"""Processes that live, what is being folded, what was answered lately, with a key in it perhaps, and who logs on."""

SECRET = frozenset({"digest", "previous_digest", "foreign_digest", "wrapped", "sealed", "password"})
"""Columns that tell keys and passwords, or help to guess them."""


@dataclass(frozen=True, slots=True)
class Table:
    """`order` are the columns that tell its rows apart; none if it has to be read at once."""

    name: str
    columns: tuple[str, ...]
    order: tuple[str, ...]


def tables() -> list[Table]:
    """By their names. Both databases have the same: the steps of one tell of the other."""
    connection = apsw.Connection(":memory:")
    for step in migrations("sqlite"):
        connection.execute(step.sql)
    names = connection.execute(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name"
    )
    found = [_table(connection, name) for (name,) in names if name not in MOMENTARY]
    connection.close()
    return found


def schema() -> str:
    """The step of the schema that all of it belongs to."""
    last = migrations("sqlite")[-1]
    return f"{last.version:04d}_{last.name}"


async def rows(database: Database, table: Table) -> AsyncIterator[dict[str, Any]]:
    """In pages that go on behind the last row: what is written meanwhile shifts none."""
    after: tuple[Any, ...] = ()
    while page := await database.read(_select(table, goes_on=bool(after)), *after):
        for row in page:
            yield dict(zip(table.columns, row, strict=True))
        if not table.order:
            return
        after = _place(table, page[-1])


def _table(connection: apsw.Connection, name: str) -> Table:
    columns = list(connection.execute("SELECT name, pk FROM pragma_table_info(?)", (name,)))
    key = sorted((place, column) for column, place in columns if place)
    kept = tuple(column for column, _ in columns if column not in SECRET)
    return Table(name, kept, tuple(column for _, column in key))


def _select(table: Table, *, goes_on: bool) -> str:
    """Of names that the schema itself has."""
    words = ["SELECT", ", ".join(table.columns), "FROM", table.name]
    if table.order:
        order = ", ".join(table.order)
        if goes_on:
            places = ", ".join(f"${number}" for number, _ in enumerate(table.order, start=1))
            words += ["WHERE (", order, ") > (", places, ")"]
        words += ["ORDER BY", order, "LIMIT", str(PAGE)]
    return " ".join(words)


def _place(table: Table, row: Row) -> tuple[Any, ...]:
    return tuple(row[table.columns.index(column)] for column in table.order)

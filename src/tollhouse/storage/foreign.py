"""The tables of another gateway's SQLite file, read and left as they are."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import apsw

MOST_ROWS = 1_000_000


def tables(path: Path, names: Iterable[str]) -> dict[str, list[dict[str, Any]]]:
    """Those that are there, as rows by the names of their columns. Raises ValueError if it is no such file."""
    try:
        connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
        there = {name for (name,) in connection.execute("SELECT name FROM sqlite_schema")}
        found = {name: _rows(connection, name) for name in names if name in there}
    except apsw.Error as error:
        raise ValueError(f"{path} is no SQLite file that can be read: {error}") from None
    connection.close()
    return found


def _rows(connection: apsw.Connection, table: str) -> list[dict[str, Any]]:
    cursor = connection.execute(f'SELECT * FROM "{table}" LIMIT {MOST_ROWS}')  # noqa: S608 - names of ours
    rows: list[dict[str, Any]] = []
    for row in cursor:
        columns = [name for name, *_ in cursor.get_description()]
        rows.append(dict(zip(columns, row, strict=True)))
    return rows

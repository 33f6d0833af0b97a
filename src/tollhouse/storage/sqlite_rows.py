"""Rows of many calls in few statements.

Each statement gives up the interpreter while SQLite works and has to win it back from the event
loop, which costs more than the row does. So the rows of a group are written sixteen at a time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from itertools import chain

import apsw

from tollhouse.ports import Value

OPENED = (
    *("id", "request_id", "owner", "tenant", "project", "user_id", "key_id"),
    *("tenant_account", "project_account", "user_account", "key_account"),
    *("route", "model", "held", "created_at", "end_user"),
)
CLOSED = (
    *("settled_at", "outcome", "owed", "input", "output", "cache_read", "cache_write"),
    *("images", "seconds", "characters", "kinds", "source", "target", "price", "anomaly"),
)
SIZES = (16, 8, 4, 2, 1)
"""How many rows a statement has: five texts to prepare, whatever comes together."""

Row = Sequence[Value]


def changed(connection: apsw.Connection, sql: str, values: Row) -> int:
    """Execute; how many rows are other than before."""
    before = connection.total_changes()
    connection.execute(sql, values)
    return connection.changes() if connection.total_changes() != before else 0


def open_calls(connection: apsw.Connection, rows: Sequence[Row]) -> None:
    """Each as in `OPENED`. Raises ConstraintError if one is there already."""
    for some in _divided(rows):
        connection.execute(_opening(len(some)), tuple(chain.from_iterable(some)))


def close_calls(connection: apsw.Connection, rows: Sequence[Row]) -> int:
    """Each as in `CLOSED`, its call last; how many were not closed before."""
    return sum(
        changed(connection, _closing(len(some)), tuple(chain.from_iterable(some)))
        for some in _divided(rows)
    )


def move_accounts(connection: apsw.Connection, rows: Sequence[Row]) -> None:
    """Each is what is spent, what is held, and of which account."""
    for some in _divided(rows):
        connection.execute(_moving(len(some)), tuple(chain.from_iterable(some)))


def _divided(rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
    start = 0
    for size in SIZES:
        while len(rows) - start >= size:
            yield rows[start : start + size]
            start += size


@cache
def _opening(count: int) -> str:
    row = f"({_marks(len(OPENED))}, 'held')"
    return f"INSERT INTO calls ({', '.join(OPENED)}, state) VALUES {_repeated(row, count)}"  # noqa: S608 - our own names


@cache
def _closing(count: int) -> str:
    told = ", ".join(f"{name} = told.column{n}" for n, name in enumerate(CLOSED, 1))
    row = f"({_marks(len(CLOSED) + 1)})"
    return (
        f"UPDATE calls SET state = 'settled', {told} FROM (VALUES {_repeated(row, count)}) AS told "  # noqa: S608 - our own names
        f"WHERE calls.id = told.column{len(CLOSED) + 1} AND calls.state <> 'settled'"
    )


@cache
def _moving(count: int) -> str:
    return (
        f"UPDATE accounts SET spent = told.column1, held = told.column2 "  # noqa: S608 - marks only
        f"FROM (VALUES {_repeated('(?, ?, ?)', count)}) AS told WHERE accounts.id = told.column3"
    )


def _marks(count: int) -> str:
    return _repeated("?", count)


def _repeated(text: str, count: int) -> str:
    return ", ".join([text] * count)

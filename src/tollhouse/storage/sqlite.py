"""One file, one writer thread, group commit: the ledger of one machine.

WAL with `synchronous=FULL`: when `hold` returns, the hold survives a power cut. Several
processes of one host may share the file.
"""

from __future__ import annotations

import asyncio
import itertools
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import apsw

from tollhouse.domain.budget import Hold, Settlement
from tollhouse.domain.storing import SchemaTooNew, SchemaTooOld
from tollhouse.ports import Row, Statement, Value
from tollhouse.storage import sqlite_calls
from tollhouse.storage.group_commit import GroupCommit, unavailable
from tollhouse.storage.migrations import migrations
from tollhouse.storage.sqlite_books import Books
from tollhouse.storage.sqlite_rows import changed

T = TypeVar("T")

BUSY_S = 10.0
POLL_S = 0.25

PRAGMAS = (
    ("synchronous", "FULL"),
    ("foreign_keys", "ON"),
    ("wal_autocheckpoint", 4000),
    ("cache_size", -16000),
    ("temp_store", "MEMORY"),
)


class SqliteDatabase:
    """Implements Database and Ledger."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._books = Books()
        self._writer = GroupCommit(lambda: connect(path), self._books)
        self._reader = _Reader(path)
        self._seen_version = -1

    async def read(self, sql: str, *values: Value) -> list[Row]:
        return await self._reader.run(lambda connection: list(connection.execute(sql, values)))

    async def write(self, *statements: Statement) -> list[int]:
        def operation(connection: apsw.Connection) -> list[int]:
            self._books.flush(connection)
            self._books.close()  # these statements may concern accounts too
            counts = []
            with connection:  # a savepoint: all of them or none
                counts += [changed(connection, sql, values) for sql, values in statements]
            return counts

        return await self._writer.run(operation)

    def hold(self, hold: Hold, beside: Sequence[Statement] = ()) -> Awaitable[None]:
        if beside:
            return self._writer.run(
                lambda connection: sqlite_calls.hold_with(connection, self._books, hold, beside)
            )
        return self._writer.run(lambda connection: sqlite_calls.hold(connection, self._books, hold))

    def settle(self, settlement: Settlement) -> asyncio.Future[bool]:
        return self._writer.run(
            lambda connection: sqlite_calls.settle(connection, self._books, settlement)
        )

    async def changed(self) -> None:
        """Return when another connection, of this process or another, has committed."""
        while True:
            await asyncio.sleep(POLL_S)  # under load something has always changed
            version = await self._reader.run(_data_version)
            if version != self._seen_version:
                self._seen_version = version
                return

    async def migrate(self, *, apply: bool = True) -> list[str]:
        """Bring the schema up to date; the names of the steps taken."""
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return await self._writer.run(lambda connection: _migrate(connection, apply=apply))

    async def close(self) -> None:
        await self._writer.close()
        await self._reader.close()


def connect(path: Path) -> apsw.Connection:
    connection = apsw.Connection(str(path))
    wait = _wait_a_little()
    connection.set_busy_handler(wait)
    _write_ahead(connection, wait)
    for pragma, value in PRAGMAS:
        connection.pragma(pragma, value)
    return connection


def _write_ahead(connection: apsw.Connection, wait: Callable[[int], bool]) -> None:
    """SQLite asks no busy handler when two turn a new file to WAL at once."""
    for tries in itertools.count():
        try:
            connection.pragma("journal_mode", "WAL")
        except apsw.BusyError:
            if not wait(tries):
                raise
        else:
            return


class _Reader:
    """Reads beside the writer, in a thread of their own."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="ledger-reader")
        self._connection: apsw.Connection | None = None

    async def run(self, operation: Callable[[apsw.Connection], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._run, operation)

    def _run(self, operation: Callable[[apsw.Connection], T]) -> T:
        try:
            if self._connection is None:
                self._connection = connect(self._path)
            return operation(self._connection)
        except apsw.Error as error:
            raise unavailable(error) from error

    async def close(self) -> None:
        def shut() -> None:
            if self._connection is not None:
                self._connection.close()

        await asyncio.get_running_loop().run_in_executor(self._thread, shut)
        self._thread.shutdown()


def _data_version(connection: apsw.Connection) -> int:
    return int(connection.pragma("data_version"))


def _wait_a_little() -> Callable[[int], bool]:
    """Short, uneven waits: SQLite's own grow to 100 ms, too coarse between workers."""
    since = 0.0

    def wait(tries: int) -> bool:
        nonlocal since
        now = time.monotonic()
        if tries == 0:
            since = now
        time.sleep(random.uniform(0.0002, 0.002))  # noqa: S311 - spreads waiting, decides nothing
        return now - since < BUSY_S

    return wait


def _migrate(connection: apsw.Connection, *, apply: bool) -> list[str]:
    connection.execute(
        "CREATE TABLE IF NOT EXISTS migrations (version INTEGER PRIMARY KEY, name TEXT NOT NULL) STRICT"
    )
    done = {version for (version,) in connection.execute("SELECT version FROM migrations")}
    known = migrations("sqlite")
    if done - {migration.version for migration in known}:
        raise SchemaTooNew("the database was written by a newer version of Tollhouse: run that one")
    missing = [migration for migration in known if migration.version not in done]
    if missing and not apply:
        raise SchemaTooOld("the database needs `tollhouse migrate` first")
    for migration in missing:
        connection.execute(migration.sql)
        connection.execute(
            "INSERT INTO migrations VALUES (?, ?)", (migration.version, migration.name)
        )
    return [migration.name for migration in missing]

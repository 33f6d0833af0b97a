"""One file, one writer thread, group commit: the ledger of one machine.

WAL with `synchronous=FULL`: when `hold` returns, the hold survives a power cut. Several
processes of one host may share the file.
"""

from __future__ import annotations

import asyncio
import itertools
import random
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import apsw
import msgspec

from tollhouse.domain import budget
from tollhouse.domain.budget import Hold, Outcome, Settlement, Share
from tollhouse.domain.storing import SchemaTooNew, SchemaTooOld
from tollhouse.ports import Row, Statement, Value
from tollhouse.storage.group_commit import GroupCommit, unavailable
from tollhouse.storage.migrations import migrations
from tollhouse.storage.sqlite_books import Books, Opened

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
                counts += [_execute(connection, sql, values) for sql, values in statements]
            return counts

        return await self._writer.run(operation)

    def hold(self, hold: Hold) -> Awaitable[None]:
        return self._writer.run(lambda connection: _hold(connection, self._books, hold))

    def settle(self, settlement: Settlement) -> asyncio.Future[bool]:
        return self._writer.run(lambda connection: _settle(connection, self._books, settlement))

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


def _execute(connection: apsw.Connection, sql: str, values: tuple[Value, ...]) -> int:
    before = connection.total_changes()
    connection.execute(sql, values)
    return connection.changes() if connection.total_changes() != before else 0


_OPEN = """
INSERT INTO calls (id, request_id, owner, tenant, project, user_id, key_id,
    tenant_account, project_account, user_account, key_account, route, model, held, created_at, end_user,
    state)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'held')
"""
_SHARE = "INSERT INTO shares (call, account, target) VALUES (?, ?, ?)"
_SHARES = "SELECT account, target FROM shares WHERE call = ?"
_SPEND_SHARE = "UPDATE shares SET owed = ? WHERE call = ? AND account = ?"
_LEAVE_OPEN = """
UPDATE calls SET state = 'unknown', outcome = 'unknown', target = ?, price = ?, anomaly = ?
WHERE id = ? AND state = 'held'
"""
_CLOSE = """
UPDATE calls SET state = 'settled', settled_at = ?, outcome = ?, owed = ?, input = ?, output = ?,
    cache_read = ?, cache_write = ?, images = ?, seconds = ?, characters = ?, kinds = ?,
    source = ?, target = ?, price = ?, anomaly = ?
WHERE id = ? AND state <> 'settled'
"""
_OPENED = """
SELECT held, tenant_account, project_account, user_account, key_account FROM calls WHERE id = ?
"""
_ATTEMPT = """
INSERT INTO attempts (call, number, target, outcome, status)
VALUES (?1, (SELECT COUNT(*) FROM attempts WHERE call = ?1), ?2, ?3, ?4)
"""


def _hold(connection: apsw.Connection, books: Books, hold: Hold) -> None:
    if hold.shares:
        _hold_shares(connection, books, hold)
    elif hold.amount > 0:
        _check(connection, books, hold, hold.accounts)
    connection.execute(
        _OPEN,
        (hold.call, hold.request_id, hold.owner, hold.tenant, hold.project, hold.user, hold.key)
        + (*hold.accounts, hold.route, hold.model, hold.amount, hold.created_at_ms, hold.end_user),
    )
    books.opened[hold.call] = hold.amount, hold.accounts, hold.shares
    if hold.amount > 0:
        books.move(connection, hold.accounts, held=hold.amount, spent=0)


def _check(connection: apsw.Connection, books: Books, hold: Hold, payers: tuple[int, ...]) -> None:
    accounts = books.accounts(connection, payers)
    if books.has_periods:
        books.roll(connection, payers, hold.created_at_ms)
    budget.check(accounts, hold.amount, hold.created_at_ms)


def _hold_shares(connection: apsw.Connection, books: Books, hold: Hold) -> None:
    further = tuple([share.account for share in hold.shares])
    if hold.amount > 0:
        _check(connection, books, hold, (*hold.accounts, *further))
        books.move(connection, further, held=hold.amount, spent=0)
    for share in hold.shares:
        connection.execute(_SHARE, (hold.call, share.account, share.target))


def _settle(connection: apsw.Connection, books: Books, settlement: Settlement) -> bool:
    opened = books.opened.pop(settlement.call, None)
    if settlement.outcome is Outcome.UNKNOWN:
        values = (settlement.target, settlement.price, settlement.anomaly, settlement.call)
        is_new = _execute(connection, _LEAVE_OPEN, values) == 1
    else:
        is_new = _close(connection, books, settlement, opened)
    if is_new:
        for attempt in settlement.attempts:
            row = (settlement.call, attempt.target, attempt.outcome, attempt.status)
            connection.execute(_ATTEMPT, row)
    return is_new


def _close(
    connection: apsw.Connection, books: Books, settlement: Settlement, opened: Opened | None
) -> bool:
    usage = settlement.usage
    kinds = None if usage.kinds is None else msgspec.json.encode(usage.kinds).decode()
    connection.execute(
        _CLOSE,
        (settlement.settled_at_ms, settlement.outcome, settlement.owed)
        + (usage.input, usage.output, usage.cache_read, usage.cache_write)
        + (usage.images, usage.seconds, usage.characters, kinds, settlement.source)
        + (settlement.target, settlement.price, settlement.anomaly, settlement.call),
    )
    if not connection.changes():
        return False
    held, accounts, shares = opened or _opened(connection, settlement.call)
    if (held or settlement.owed) and accounts[0] > 0:
        books.move(connection, accounts, held=-held, spent=settlement.owed)
    for share in shares:
        owed = settlement.owed if share.is_spent_by(settlement.target) else 0
        books.move(connection, (share.account,), held=-held, spent=owed)
        connection.execute(_SPEND_SHARE, (owed, settlement.call, share.account))
    return True


def _opened(connection: apsw.Connection, call: str) -> Opened:
    """Of a call that another process opened."""
    held, *accounts = connection.execute(_OPENED, (call,)).get
    return held, accounts, [Share(*row) for row in connection.execute(_SHARES, (call,))]


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

"""One thread that writes: what arrives while a commit is on its way shares the next one.

A durable commit costs a sync of the disk; sixty calls that share it cost one. The order of
arrival is kept, so a settlement counts before a hold that came after it.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

import apsw

from tollhouse.domain.errors import StoreUnavailable
from tollhouse.domain.storing import Conflict
from tollhouse.storage.sqlite_books import Books, Torn

T = TypeVar("T")
Operation = Callable[[apsw.Connection], T]

LARGEST_GROUP = 512
LONGEST_QUEUE = 20_000

Waiting = tuple[Operation[Any], asyncio.Future[Any]]
Result = tuple[Any, Exception | None]


class GroupCommit:
    """At most one group is with the thread; the next gathers on the event loop meanwhile.

    So the threads wake each other once a group, not once a call.
    """

    def __init__(self, connect: Callable[[], apsw.Connection], books: Books | None = None) -> None:
        self._connect = connect
        self._books = books or Books()
        self._waiting: list[Waiting] = []
        self._groups: queue.SimpleQueue[list[Waiting] | None] = queue.SimpleQueue()
        self._is_busy = False
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def run(self, operation: Operation[T]) -> asyncio.Future[T]:
        """Run within the next transaction; done when that is on disk. An operation that raises has changed nothing."""
        loop = self._loop
        if loop is None or self._thread is None:
            loop = self._start()
        future: asyncio.Future[T] = loop.create_future()
        if len(self._waiting) >= LONGEST_QUEUE:
            full = StoreUnavailable(private="the writer's queue is full", retry_after_s=1)
            future.set_exception(full)
            return future
        self._waiting.append((operation, future))
        if not self._is_busy:
            self._is_busy = True
            loop.call_soon(self._hand_over)
        return future

    async def close(self) -> None:
        """Everything that was asked for is written first."""
        if self._thread is None:
            return
        with suppress(StoreUnavailable):  # then nothing can be written, and nothing is waited for
            await self.run(lambda _: None)
        thread, self._thread = self._thread, None
        self._groups.put(None)
        await asyncio.get_running_loop().run_in_executor(None, thread.join)

    def _start(self) -> asyncio.AbstractEventLoop:
        self._loop = asyncio.get_running_loop()
        self._thread = threading.Thread(
            target=self._write, args=(self._loop,), name="ledger-writer", daemon=True
        )
        self._thread.start()
        return self._loop

    def _hand_over(self) -> None:
        group, self._waiting = self._waiting[:LARGEST_GROUP], self._waiting[LARGEST_GROUP:]
        self._is_busy = bool(group)
        if group:
            self._groups.put(group)

    def _committed(self, group: list[Waiting], results: list[Result]) -> None:
        _deliver(group, results)
        # Whoever was waiting goes on first: what it asks for next shares the group.
        asyncio.get_running_loop().call_soon(self._hand_over)

    def _write(self, loop: asyncio.AbstractEventLoop) -> None:
        connection: apsw.Connection | None = None
        while group := self._groups.get():
            try:
                connection = connection or self._connect()
                results = _commit(connection, self._books, [operation for operation, _ in group])
            except (
                Exception
            ) as error:  # whatever it is: the thread must not end while anybody waits
                results = [(None, unavailable(error))] * len(group)
                connection = None if _is_broken(error) else connection
            loop.call_soon_threadsafe(self._committed, group, results)
        if connection is not None:
            connection.close()


def _commit(
    connection: apsw.Connection, books: Books, operations: list[Operation[Any]]
) -> list[Result]:
    try:
        return _transact(connection, books, operations)
    except Torn:
        return [_commit_alone(connection, books, operation) for operation in operations]


def _commit_alone(connection: apsw.Connection, books: Books, operation: Operation[Any]) -> Result:
    try:
        return _transact(connection, books, [operation])[0]
    except Torn as torn:
        return None, torn.error


def _transact(
    connection: apsw.Connection, books: Books, operations: list[Operation[Any]]
) -> list[Result]:
    connection.execute("BEGIN IMMEDIATE")
    books.gathers = len(operations) > 1  # one alone says how it went
    try:
        results = [_run(connection, operation) for operation in operations]
        books.flush(connection)
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    finally:
        books.close()
    return results


def _run(connection: apsw.Connection, operation: Operation[Any]) -> Result:
    before = connection.total_changes()
    try:
        return operation(connection), None
    except (
        Torn,
        apsw.FullError,
        apsw.IOError,
        apsw.CorruptError,
        apsw.NotADBError,
        apsw.ReadOnlyError,
        apsw.NoMemError,
    ):
        raise  # concerns the whole transaction
    except Exception as error:
        problem = Conflict(str(error)) if isinstance(error, apsw.ConstraintError) else error
        if connection.total_changes() != before:
            raise Torn(problem) from error
        return None, problem


def _deliver(group: list[Waiting], results: list[Result]) -> None:
    for (_, future), (value, error) in zip(group, results, strict=True):
        if future.cancelled():
            continue
        if error is None:
            future.set_result(value)
        else:
            future.set_exception(error)


def unavailable(error: Exception) -> StoreUnavailable:
    return StoreUnavailable(private=f"SQLite: {type(error).__name__}: {error}", retry_after_s=2)


def _is_broken(error: Exception) -> bool:
    """Whether the connection is better opened anew."""
    return isinstance(
        error, apsw.CantOpenError | apsw.IOError | apsw.CorruptError | apsw.NotADBError
    )

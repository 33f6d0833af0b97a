"""One thread that writes: what arrives while a commit is on its way shares the next one.

A durable commit costs a sync of the disk; sixty calls that share it cost one. The order of
arrival is kept, so a settlement counts before a hold that came after it.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable
from typing import Any, TypeVar

import apsw

from tollhouse.domain.errors import StoreUnavailable
from tollhouse.domain.storing import Conflict

T = TypeVar("T")
Operation = Callable[[apsw.Connection], T]

LARGEST_GROUP = 512
LONGEST_QUEUE = 20_000


class GroupCommit:
    def __init__(self, connect: Callable[[], apsw.Connection]) -> None:
        self._connect = connect
        self._queue: queue.SimpleQueue[tuple[Operation[Any], asyncio.Future[Any]] | None] = (
            queue.SimpleQueue()
        )
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def run(self, operation: Operation[T]) -> asyncio.Future[T]:
        """Run within the next transaction; done when that is on disk. An operation that raises has changed nothing."""
        loop = self._loop
        if loop is None or self._thread is None:
            loop = self._start()
        future: asyncio.Future[T] = loop.create_future()
        if self._queue.qsize() > LONGEST_QUEUE:
            future.set_exception(
                StoreUnavailable(private="the writer's queue is full", retry_after_s=1)
            )
        else:
            self._queue.put((operation, future))
        return future

    async def close(self) -> None:
        thread, self._thread = self._thread, None
        if thread is not None:
            self._queue.put(None)
            await asyncio.get_running_loop().run_in_executor(None, thread.join)

    def _start(self) -> asyncio.AbstractEventLoop:
        self._loop = asyncio.get_running_loop()
        self._thread = threading.Thread(
            target=self._write, args=(self._loop,), name="ledger-writer", daemon=True
        )
        self._thread.start()
        return self._loop

    def _write(self, loop: asyncio.AbstractEventLoop) -> None:
        connection: apsw.Connection | None = None
        going_on = True
        while going_on:
            group, going_on = self._next_group()
            try:
                connection = connection or self._connect()
                results = _commit(connection, [operation for operation, _ in group])
            except apsw.Error as error:
                results = [(None, unavailable(error))] * len(group)
                connection = None if _is_broken(error) else connection
            if group:
                loop.call_soon_threadsafe(_deliver, [future for _, future in group], results)
        if connection is not None:
            connection.close()

    def _next_group(self) -> tuple[list[tuple[Operation[Any], asyncio.Future[Any]]], bool]:
        group = []
        item = self._queue.get()
        while item is not None:
            group.append(item)
            if len(group) == LARGEST_GROUP or self._queue.empty():
                return group, True
            item = self._queue.get()
        return group, False


Result = tuple[Any, Exception | None]


class _Torn(Exception):
    """An operation failed after it had changed something: only its whole transaction can be undone."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error


def _commit(connection: apsw.Connection, operations: list[Operation[Any]]) -> list[Result]:
    if not operations:
        return []
    try:
        return _transact(connection, operations)
    except _Torn:
        return [_commit_alone(connection, operation) for operation in operations]


def _commit_alone(connection: apsw.Connection, operation: Operation[Any]) -> Result:
    try:
        return _transact(connection, [operation])[0]
    except _Torn as torn:
        return None, torn.error


def _transact(connection: apsw.Connection, operations: list[Operation[Any]]) -> list[Result]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        results = [_run(connection, operation) for operation in operations]
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    return results


def _run(connection: apsw.Connection, operation: Operation[Any]) -> Result:
    before = connection.total_changes()
    try:
        return operation(connection), None
    except (
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
            raise _Torn(problem) from error
        return None, problem


def _deliver(futures: list[asyncio.Future[Any]], results: list[Result]) -> None:
    for future, (value, error) in zip(futures, results, strict=True):
        if future.cancelled():
            continue
        if error is None:
            future.set_result(value)
        else:
            future.set_exception(error)


def unavailable(error: apsw.Error) -> StoreUnavailable:
    return StoreUnavailable(private=f"SQLite: {type(error).__name__}: {error}", retry_after_s=2)


def _is_broken(error: apsw.Error) -> bool:
    """Whether the connection is better opened anew."""
    return isinstance(
        error, apsw.CantOpenError | apsw.IOError | apsw.CorruptError | apsw.NotADBError
    )

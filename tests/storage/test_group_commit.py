"""Many operations, one commit; and one that fails among them."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import apsw
import pytest

from tollhouse.domain.errors import StoreUnavailable
from tollhouse.domain.storing import Conflict
from tollhouse.storage.group_commit import GroupCommit
from tollhouse.storage.sqlite import connect
from tollhouse.storage.sqlite_books import Books

TABLES = "SELECT name FROM sqlite_master"


async def test_an_operation_answers_with_its_value(writer: GroupCommit) -> None:
    assert await writer.run(lambda connection: connection.changes() + 7) == 7


async def test_what_arrives_during_a_commit_shares_the_next(
    writer: GroupCommit, commits: list[int]
) -> None:
    gate = threading.Event()
    first = await _under_way(writer, gate)

    rest = [writer.run(_adding(number)) for number in range(100)]
    gate.set()
    await asyncio.gather(first, *rest)

    assert len(commits) == 2
    assert await writer.run(_numbers) == list(range(100))


async def test_when_it_is_done_it_is_on_disk(writer: GroupCommit, file: Path) -> None:
    await writer.run(_adding(1))

    other = apsw.Connection(str(file))
    assert _numbers(other) == [1]
    other.close()


async def test_one_that_fails_leaves_the_others_be(writer: GroupCommit) -> None:
    results = await asyncio.gather(
        *(writer.run(_adding(number)) for number in (1, 2, 1, 3)), return_exceptions=True
    )

    assert [type(result) for result in results] == [type(None), type(None), Conflict, type(None)]
    assert await writer.run(_numbers) == [1, 2, 3]


@pytest.mark.req("S-86")
async def test_one_that_fails_halfway_has_changed_nothing(writer: GroupCommit) -> None:
    def torn(connection: apsw.Connection) -> None:
        _add(connection, 8)
        raise ValueError("halfway")

    gate = threading.Event()
    first = await _under_way(writer, gate)
    group = [writer.run(_adding(1)), writer.run(torn), writer.run(_adding(2))]
    gate.set()
    results = await asyncio.gather(first, *group, return_exceptions=True)

    assert [type(result) for result in results[1:]] == [type(None), ValueError, type(None)]
    assert await writer.run(_numbers) == [1, 2]


@pytest.mark.req("P-24", "OT-14")
async def test_a_full_disk_undoes_the_whole_group_and_is_forgotten(writer: GroupCommit) -> None:
    await writer.run(_adding(1))
    pages = await writer.run(lambda connection: connection.pragma("page_count"))
    await writer.run(lambda connection: connection.pragma("max_page_count", pages))

    gate = threading.Event()
    first = await _under_way(writer, gate)
    group = [writer.run(_adding(2)), writer.run(_growing), writer.run(_adding(3))]
    gate.set()
    results = await asyncio.gather(first, *group, return_exceptions=True)
    await writer.run(lambda connection: connection.pragma("max_page_count", pages + 1000))

    assert [type(result) for result in results] == [bool, *[StoreUnavailable] * 3]
    assert "FullError" in results[2].private
    assert await writer.run(_numbers) == [1]
    await writer.run(_growing)


@pytest.mark.req("P-24")
async def test_what_nobody_thought_of_is_unavailable_and_the_writer_goes_on(file: Path) -> None:
    class Odd(Books):
        is_odd = True

        def flush(self, connection: apsw.Connection) -> None:
            if self.is_odd:
                raise ValueError("nobody thought of it")
            super().flush(connection)

    books = Odd()
    writer = GroupCommit(lambda: connect(file), books)

    with pytest.raises(StoreUnavailable) as failure:
        await writer.run(lambda connection: connection.execute("CREATE TABLE t (x)") and None)
    books.is_odd = False

    assert "ValueError" in (failure.value.private or "")
    assert await writer.run(lambda connection: len(list(connection.execute(TABLES)))) == 0
    await writer.close()


async def test_a_waiter_that_gives_up_does_not_undo_it(writer: GroupCommit) -> None:
    writer.run(_adding(1)).cancel()

    assert await writer.run(_numbers) == [1]


async def test_the_order_of_arrival_is_kept(writer: GroupCommit) -> None:
    seen: list[int] = []

    await asyncio.gather(
        *(writer.run(lambda _, number=number: seen.append(number)) for number in range(600))
    )

    assert seen == list(range(600))


async def test_closing_finishes_what_was_asked(file: Path) -> None:
    writer = GroupCommit(lambda: connect(file))
    waiting = writer.run(lambda _: 7)

    await writer.close()

    assert await waiting == 7


async def test_a_place_that_cannot_be_opened_is_unavailable_until_it_can(tmp_path: Path) -> None:
    place = tmp_path / "late"
    writer = GroupCommit(lambda: connect(place / "tollhouse.db"))

    with pytest.raises(StoreUnavailable):
        await writer.run(lambda _: 7)
    place.mkdir()

    assert await writer.run(lambda _: 7) == 7
    await writer.close()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "tollhouse.db"


@pytest.fixture
def commits() -> list[int]:
    """Gets an entry for each commit."""
    return []


@pytest.fixture
async def writer(file: Path, commits: list[int]) -> AsyncIterator[GroupCommit]:
    def counting() -> apsw.Connection:
        connection = connect(file)
        connection.execute(
            "CREATE TABLE IF NOT EXISTS numbers (number INTEGER UNIQUE, filler TEXT)"
        )
        connection.set_commit_hook(lambda: commits.append(1) or False)
        return connection

    opened = GroupCommit(counting)
    yield opened
    await opened.close()


async def _under_way(writer: GroupCommit, gate: threading.Event) -> asyncio.Future[bool]:
    """A group that the thread has and that ends when the gate opens."""
    first = writer.run(lambda _: gate.wait(10))
    for _ in range(3):
        await asyncio.sleep(0)
    return first


def _adding(number: int):
    return lambda connection: _add(connection, number)


def _add(connection: apsw.Connection, number: int) -> None:
    connection.execute("INSERT INTO numbers VALUES (?, '')", (number,))


def _growing(connection: apsw.Connection) -> None:
    connection.execute("INSERT INTO numbers VALUES (99, ?)", ("x" * 100_000,))


def _numbers(connection: apsw.Connection) -> list[int]:
    return [
        number for (number,) in connection.execute("SELECT number FROM numbers ORDER BY number")
    ]

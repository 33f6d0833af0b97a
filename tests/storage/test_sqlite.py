"""What only the file of one machine has."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import apsw
import pytest

from tollhouse.domain.errors import StoreUnavailable
from tollhouse.storage.sqlite import SqliteDatabase, connect


@pytest.mark.parametrize(
    ("pragma", "value"),
    [
        ("journal_mode", "wal"),
        ("synchronous", 2),
        ("foreign_keys", 1),
        ("wal_autocheckpoint", 4000),
    ],
)
@pytest.mark.req("P-11")
def test_a_connection_is_durable_and_checks_references(
    tmp_path: Path, pragma: str, value: str | int
) -> None:
    connection = connect(tmp_path / "tollhouse.db")

    assert connection.pragma(pragma) == value

    connection.close()


@pytest.mark.parametrize("attempt", range(20))
def test_many_that_open_a_new_file_at_once_all_can(tmp_path: Path, attempt: int) -> None:
    everyone = threading.Barrier(6)

    def write(value: int) -> None:
        everyone.wait()
        connection = connect(tmp_path / "tollhouse.db")
        connection.execute("CREATE TABLE IF NOT EXISTS written (value)")
        connection.execute("INSERT INTO written VALUES (?)", (value,))
        connection.close()

    with ThreadPoolExecutor(6) as threads:
        list(threads.map(write, range(6)))

    found = connect(tmp_path / "tollhouse.db").execute("SELECT value FROM written")
    assert sorted(value for (value,) in found) == list(range(6))


async def test_a_directory_that_is_missing_is_made(tmp_path: Path) -> None:
    database = SqliteDatabase(tmp_path / "not" / "there" / "tollhouse.db")

    assert (await database.migrate())[0] == "spine"

    await database.close()


@pytest.mark.req("P-24")
async def test_a_file_that_is_no_database_is_unavailable(tmp_path: Path) -> None:
    file = tmp_path / "tollhouse.db"
    file.write_bytes(b"not a database, but long enough to look like one" * 100)
    database = SqliteDatabase(file)

    with pytest.raises(StoreUnavailable) as failure:
        await database.migrate()
    with pytest.raises(StoreUnavailable):
        await database.read("SELECT 1")

    assert "NotADBError" in (failure.value.private or "")
    await database.close()


async def test_a_writer_waits_while_another_process_writes(tmp_path: Path) -> None:
    database = SqliteDatabase(tmp_path / "tollhouse.db")
    await database.migrate()
    other = apsw.Connection(str(tmp_path / "tollhouse.db"))
    other.execute("BEGIN IMMEDIATE")

    writing = asyncio.create_task(
        database.write(("INSERT INTO tenants (id, created_at) VALUES ($1, $2)", ("acme", 1)))
    )
    assert await database.read("SELECT id FROM tenants") == []  # readers wait for nobody
    assert not writing.done()
    other.execute("COMMIT")

    assert await writing == [1]
    other.close()
    await database.close()


async def test_the_thread_ends_with_the_database_and_starts_again_when_asked(
    tmp_path: Path,
) -> None:
    database = SqliteDatabase(tmp_path / "tollhouse.db")
    await database.migrate()
    await database.close()

    again = SqliteDatabase(tmp_path / "tollhouse.db")

    assert await again.migrate() == []
    await again.close()

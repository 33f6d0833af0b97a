"""What every database promises, on every database there is."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from pathlib import Path

import pytest
from databases import Store, four_accounts, holding, open_store, settling

from servers import PostgresServer
from tollhouse.domain.errors import StoreUnavailable
from tollhouse.domain.storing import Conflict, SchemaTooNew, SchemaTooOld
from tollhouse.storage import snapshots
from tollhouse.storage.postgres import PostgresDatabase

STORM = Path(__file__).parent / "storm.py"
WORDS_OF_ROOM = 10
TENANT = "INSERT INTO tenants (id, created_at) VALUES ($1, $2)"
PROJECT = "INSERT INTO projects (id, tenant, created_at) VALUES ($1, $2, $3)"
USER = "INSERT INTO users (id, tenant, created_at) VALUES ($1, $2, $3)"
KEY = """
INSERT INTO keys (id, tenant, project, user_id, name, tail, pepper, digest, created_at)
VALUES ('k', 'acme', 'acme/p', 'acme/u', 'name', 'tail', 1, 'ab', 1)
"""
PRICE = """
INSERT INTO prices (model, input, output, cache_read, cache_write, effective_at, source, created_at)
VALUES ('m', 1, 2, 3, 4, $1, 'test', 6)
"""

STEPS = [
    "spine",
    "priority",
    "views",
    "units",
    "files",
    "batches",
    "periods",
    "days",
    "people",
    "rates",
    "proposals",
    "allowed",
    "limits",
    "shares",
    "alerts",
    "conversations",
    "tokens",
    "plans",
    "imported",
    "bounds",
    "sessions",
    "outside",
    "corrections",
    "secrets",
    "senders",
    "passwords",
    "first_sight",
    "repeats",
    "hours",
]


async def test_rows_are_read_as_plain_values(store: Store) -> None:
    await store.write((TENANT, ("acme", 7)))

    rows = await store.read("SELECT id, is_disabled, created_at, NULL FROM tenants")

    assert rows == [("acme", 0, 7, None)]


async def test_a_sum_of_whole_numbers_is_a_whole_number(store: Store) -> None:
    await store.write((TENANT, ("a", 2**62)), (TENANT, ("b", 2**61)))

    ((total, nothing),) = await store.read(
        "SELECT SUM(created_at), SUM(is_disabled) FROM tenants WHERE id <> $1", ""
    )

    assert (type(total), total) == (int, 2**62 + 2**61)
    assert (type(nothing), nothing) == (int, 0)


async def test_a_write_says_how_many_rows_each_statement_changed(store: Store) -> None:
    counts = await store.write(
        (TENANT, ("a", 1)),
        (TENANT, ("b", 1)),
        ("UPDATE tenants SET is_disabled = $1", (1,)),
        ("UPDATE tenants SET is_disabled = $1 WHERE id = $2", (1, "c")),
        ("DELETE FROM tenants WHERE id = $1", ("b",)),
    )

    assert counts == [1, 1, 2, 0, 1]


async def test_a_write_of_nothing_changes_nothing(store: Store) -> None:
    assert await store.write() == []


async def test_a_write_is_done_whole_or_not_at_all(store: Store) -> None:
    with pytest.raises(Conflict):
        await store.write((TENANT, ("a", 1)), (TENANT, ("a", 1)))

    assert await store.read("SELECT id FROM tenants") == []


async def test_a_name_that_is_taken_is_a_conflict(store: Store) -> None:
    await store.write((TENANT, ("a", 1)))

    with pytest.raises(Conflict):
        await store.write((TENANT, ("a", 1)))


async def test_what_refers_to_nothing_is_a_conflict(store: Store) -> None:
    with pytest.raises(Conflict):
        await store.write((PROJECT, ("acme/p", "acme", 1)))


async def test_after_a_conflict_the_next_write_succeeds(store: Store) -> None:
    await store.write((TENANT, ("a", 1)))
    with pytest.raises(Conflict):
        await store.write((TENANT, ("a", 1)))

    assert await store.write((TENANT, ("b", 1))) == [1]


async def test_ids_sort_by_their_bytes(store: Store) -> None:
    await store.write(*((TENANT, (name, 1)) for name in ("b", "a-1", "B", "a1", "a_1")))

    rows = await store.read("SELECT id FROM tenants ORDER BY id")

    assert [name for (name,) in rows] == ["B", "a-1", "a1", "a_1", "b"]


async def test_many_reads_and_writes_at_once_all_get_their_answer(store: Store) -> None:
    await asyncio.gather(*(store.write((TENANT, (f"t{n:03d}", n))) for n in range(50)))

    rows = await asyncio.gather(
        *(
            store.read("SELECT created_at FROM tenants WHERE id = $1", f"t{n:03d}")
            for n in range(50)
        )
    )

    assert [number for ((number,),) in rows] == list(range(50))


async def test_a_reader_that_gives_up_harms_nobody(store: Store) -> None:
    reader = asyncio.create_task(_read(store))
    await asyncio.sleep(0)
    reader.cancel()

    assert await store.read("SELECT 1") == [(1,)]
    assert reader.cancelled() or await asyncio.wait([reader])


async def test_migrating_twice_does_it_once(store: Store) -> None:
    assert await store.migrate() == []
    assert await store.migrate(apply=False) == []


async def test_an_empty_database_is_migrated_only_when_asked(address: str) -> None:
    store = open_store(address)

    with pytest.raises(SchemaTooOld):
        await store.migrate(apply=False)

    assert await store.migrate() == STEPS
    await store.close()


async def test_two_that_migrate_at_once_do_it_once(address: str) -> None:
    stores = [open_store(address), open_store(address)]

    steps = await asyncio.gather(*(store.migrate() for store in stores))

    assert sorted(steps) == [[], STEPS]
    for store in stores:
        await store.close()


async def test_a_database_of_a_newer_version_is_left_alone(store: Store) -> None:
    await store.write(("INSERT INTO migrations (version, name) VALUES ($1, $2)", (9_999, "new")))

    with pytest.raises(SchemaTooNew):
        await store.migrate()


async def test_what_requests_are_decided_on_raises_the_revision(store: Store) -> None:
    await store.write(
        (TENANT, ("acme", 1)), (PROJECT, ("acme/p", "acme", 1)), (USER, ("acme/u", "acme", 1))
    )

    for statement in (
        (KEY, ()),
        ("UPDATE keys SET models = $1", ('["m"]',)),
        ("UPDATE keys SET is_disabled = $1", (1,)),
        ("UPDATE users SET is_disabled = $1", (1,)),
        ("UPDATE projects SET is_disabled = $1", (1,)),
        ("UPDATE tenants SET is_disabled = $1", (1,)),
        ("DELETE FROM keys WHERE id = $1", ("k",)),
        (PRICE, (5,)),
        ("UPDATE prices SET input = $1", (9,)),
        ("DELETE FROM prices WHERE model = $1", ("m",)),
    ):
        before = await snapshots.revision(store)
        await store.write(statement)
        assert await snapshots.revision(store) > before, statement


async def test_money_that_moves_leaves_the_revision_alone(store: Store) -> None:
    accounts = await four_accounts(store, 100)
    before = await snapshots.revision(store)

    hold = holding(accounts, 40)
    await store.hold(hold)
    await store.settle(settling(hold, 10))

    assert await snapshots.revision(store) == before


async def test_the_first_look_for_changes_returns_at_once(store: Store) -> None:
    async with asyncio.timeout(2):
        await store.changed()


async def test_a_change_of_another_process_is_seen_within_a_second(
    store: Store, address: str
) -> None:
    """And as much later as the machine is: what the store takes meanwhile for a word says so."""
    await store.changed()
    waiting = asyncio.create_task(store.changed())
    slowest = asyncio.create_task(_slowest_until(waiting, store))

    with subprocess.Popen(
        [sys.executable, STORM, address, "price"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as other:
        assert other.stdin is not None
        assert other.stdout is not None
        assert await asyncio.to_thread(other.stdout.readline) == "ready\n"
        assert not waiting.done()
        other.stdin.write("go\n")
        other.stdin.flush()
        assert await asyncio.to_thread(other.stdout.readline) == "written\n"
        written = time.monotonic()
        await waiting
        seen_s = time.monotonic() - written

    assert seen_s < 1 + WORDS_OF_ROOM * await slowest


async def _slowest_until(over: asyncio.Task[None], store: Store) -> float:
    slowest_s = 0.0
    while not over.done():
        began = time.monotonic()
        await store.read("SELECT value FROM control")
        slowest_s = max(slowest_s, time.monotonic() - began)
    return slowest_s


async def test_a_lost_listener_is_replaced(
    postgres_database: str, postgres: PostgresServer
) -> None:
    store = open_store(postgres_database)
    await store.migrate()
    await store.changed()
    waiting = asyncio.create_task(store.changed())
    await asyncio.sleep(0)

    postgres.run(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'SELECT value FROM control%'"
    )
    await store.write((PRICE, (5,)))

    async with asyncio.timeout(5):
        try:
            await waiting
        except StoreUnavailable:
            await store.changed()
    await store.close()


async def test_a_signal_that_is_lost_costs_one_poll(postgres_database: str) -> None:
    store = open_store(postgres_database)
    await store.migrate()
    await store.changed()
    waiting = asyncio.create_task(store.changed())

    await store.write(("UPDATE control SET value = value + 1", ()))  # raised without a signal

    async with asyncio.timeout(4):
        await waiting
    await store.close()


async def test_a_password_may_come_apart_from_the_address(
    postgres_database: str, postgres: PostgresServer
) -> None:
    without = postgres_database.replace(f":{postgres.password}", "")
    store = PostgresDatabase(without, postgres.password, 1)

    assert await store.read("SELECT 1") == [(1,)]

    await store.close()


async def test_everything_lives_in_the_schema_of_the_search_path(
    postgres_database: str, postgres: PostgresServer
) -> None:
    name = postgres_database.split("/")[3].split("?")[0]
    for schema in ("one", "two"):
        postgres.run(f"CREATE SCHEMA {schema}", name)
    one = open_store(postgres_database + "&search_path=one,public")
    two = open_store(postgres_database + "&search_path=two,public")

    assert await one.migrate() == STEPS
    assert await two.migrate() == STEPS
    accounts = await four_accounts(one, 100)
    await one.hold(holding(accounts, 40))

    assert await one.read("SELECT COUNT(*) FROM calls") == [(1,)]
    assert await two.read("SELECT COUNT(*) FROM calls") == [(0,)]
    assert postgres.run("SELECT COUNT(*) FROM pg_tables WHERE schemaname = 'public'", name) == "0"
    await one.close()
    await two.close()


async def test_what_is_durable_does_not_depend_on_the_servers_defaults(
    postgres_database: str, postgres: PostgresServer
) -> None:
    name = postgres_database.split("/")[3].split("?")[0]
    postgres.run(f"ALTER DATABASE {name} SET synchronous_commit = off")
    postgres.run(f"ALTER DATABASE {name} SET default_transaction_isolation = 'serializable'")
    store = open_store(postgres_database)

    rows = await store.read(
        "SELECT current_setting('synchronous_commit'), current_setting('transaction_isolation')"
    )

    assert rows == [("on", "read committed")]
    await store.close()


async def test_closing_waits_for_what_was_asked(store: Store, address: str) -> None:
    accounts = await four_accounts(store, 100)
    other = open_store(address)
    hold = holding(accounts, 40)

    waiting = asyncio.ensure_future(other.hold(hold))
    await other.close()

    await waiting
    assert await store.settle(settling(hold))


async def _read(store: Store) -> None:
    await store.read("SELECT COUNT(*) FROM calls")

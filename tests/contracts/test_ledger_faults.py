"""Several processes on one ledger, and what is left when one of them, the disk or the server dies."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import apsw
import pytest
from databases import (
    UNLIMITED,
    Accounts,
    Store,
    balances,
    four_accounts,
    holding,
    is_postgres,
    open_store,
    settling,
)

from servers import PostgresServer, postgres_server
from tollhouse.domain.errors import StoreUnavailable
from tollhouse.storage import budgets

STORM = Path(__file__).parent / "storm.py"


@pytest.mark.slow
@pytest.mark.req("OT-4", "P-3", "S-84")
@pytest.mark.parametrize("processes", [1, 4])
async def test_of_two_hundred_in_several_processes_exactly_those_that_fit_are_let_in(
    store: Store, address: str, processes: int
) -> None:
    accounts = await four_accounts(store, UNLIMITED, 1_099)

    with ExitStack() as stack:
        storms = [
            stack.enter_context(_storm(address, "holds", accounts, 100, 200 // processes))
            for _ in range(processes)
        ]
        for storm in storms:
            _go(storm)
        let_in = [int(_line(storm)) for storm in storms]

    assert sum(let_in) == 10
    assert await balances(store, accounts) == [(0, 1_000)] * 4
    assert await budgets.differences(store) == []


@pytest.mark.slow
@pytest.mark.req("P-3", "P-4", "P-11", "B-6")
async def test_a_process_that_is_killed_in_a_storm_leaves_rows_that_add_up(
    store: Store, address: str
) -> None:
    accounts = await four_accounts(store, UNLIMITED)

    with _storm(address, "pairs", accounts, 100) as storm:
        _go(storm)
        told = [_line(storm) for _ in range(500)]
        storm.kill()
        storm.wait()
        told += [line.strip() for line in storm.stdout or () if line.endswith("\n")]

    rows = {row[0]: row[1] for row in await store.read("SELECT id, state FROM calls")}
    assert set(told) <= set(rows)
    assert set(rows.values()) == {"held", "settled"}
    assert await budgets.differences(store) == []
    await store.hold(holding(accounts, 1))
    if not is_postgres(address):
        assert _integrity(address) == "ok"


@pytest.mark.slow
@pytest.mark.req("P-24", "OT-14")
async def test_a_full_disk_refuses_and_is_forgotten_when_there_is_room(tmp_path: Path) -> None:
    address = str(tmp_path / "tollhouse.db")
    store = open_store(address)
    await store.migrate()
    accounts = await four_accounts(store, UNLIMITED)

    with _storm(address, "full", accounts, 100) as storm:
        _go(storm)
        held, why = _line(storm).split(" ", 1)
        again = _line(storm)

    assert int(held) > 10
    assert "SQLite" in why
    assert again == "held again"
    assert await balances(store, accounts) == [(0, (int(held) + 1) * 100)] * 4
    assert await budgets.differences(store) == []
    assert _integrity(address) == "ok"
    await store.close()


@pytest.mark.slow
@pytest.mark.req("P-24", "OT-14")
@pytest.mark.parametrize("end", ["stop", "kill"])
async def test_a_server_that_comes_back_is_used_again(own_server: PostgresServer, end: str) -> None:
    with own_server.database() as url:
        store = open_store(url)
        await store.migrate()
        accounts = await four_accounts(store, UNLIMITED)
        hold = holding(accounts, 100)
        await store.hold(hold)

        getattr(own_server, end)()
        for attempt in (
            store.hold(holding(accounts, 100)),
            store.settle(settling(hold)),
            store.read("SELECT 1"),
        ):
            with pytest.raises(StoreUnavailable) as failure:
                await attempt
            assert (failure.value.status, failure.value.retry_after_s) == (503, 2)
        own_server.start()

        assert await store.settle(settling(hold, 30))
        await store.hold(holding(accounts, 100))
        assert await balances(store, accounts) == [(30, 100)] * 4
        assert await budgets.differences(store) == []
        await store.close()


@pytest.mark.slow
@pytest.mark.req("P-24")
async def test_a_server_that_freezes_is_waited_for_until_the_deadline(
    own_server: PostgresServer,
) -> None:
    with own_server.database() as url:
        store = open_store(url, deadline_s=0.5)
        await store.migrate()
        accounts = await four_accounts(store, UNLIMITED)
        hold = holding(accounts, 100)
        await store.hold(hold)

        own_server.freeze()
        began = time.monotonic()
        first = asyncio.ensure_future(store.settle(settling(hold, 30)))
        await asyncio.sleep(0)
        behind = asyncio.ensure_future(store.settle(settling(hold, 30)))
        results = await asyncio.gather(
            *(first, behind, store.read("SELECT 1"), store.write(("SELECT 1", ()))),
            return_exceptions=True,
        )
        took = time.monotonic() - began
        own_server.resume()

        assert [type(result) for result in results] == [StoreUnavailable] * 4
        assert took < 1.5
        # the frozen server may have got the first settlement: asked again, it still counts once
        await store.settle(settling(hold, 30))
        assert await balances(store, accounts) == [(30, 0)] * 4
        await store.close()


@pytest.mark.req("P-24")
async def test_a_server_that_was_never_there_is_unavailable(tmp_path: Path) -> None:
    store = open_store(f"postgresql://nobody@/nothing?host={tmp_path}")

    with pytest.raises(StoreUnavailable):
        await store.hold(holding((1, 2, 3, 4), 100))
    with pytest.raises(StoreUnavailable):
        await store.changed()

    await store.close()


@pytest.mark.req("P-24")
async def test_too_many_connections_are_unavailable_and_come_free_again(
    own_server: PostgresServer,
) -> None:
    with own_server.database() as url:
        store, other = open_store(url), open_store(url)
        await store.migrate()
        name = url.split("/")[3].split("?")[0]
        own_server.run(f"ALTER DATABASE {name} CONNECTION LIMIT 0")
        own_server.run("CREATE ROLE guest LOGIN PASSWORD 'guest'")
        guest = open_store(url.replace(f"tollhouse:{own_server.password}", "guest:guest"))

        with pytest.raises(StoreUnavailable) as failure:
            await guest.read("SELECT 1")
        own_server.run(f"ALTER DATABASE {name} CONNECTION LIMIT 10")

        assert "too many connections" in (failure.value.private or "")
        assert await guest.read("SELECT 1") == [(1,)]
        for opened in (store, other, guest):
            await opened.close()
        own_server.run("DROP ROLE guest")


@pytest.fixture(scope="module")
def own_server() -> Iterator[PostgresServer]:
    """One to stop, kill and freeze."""
    with postgres_server() as server:
        yield server


@contextmanager
def _storm(
    address: str, what: str, accounts: Accounts, *arguments: int
) -> Iterator[subprocess.Popen[str]]:
    words = [",".join(map(str, accounts)), *map(str, arguments)]
    with subprocess.Popen(
        [sys.executable, STORM, address, what, *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as storm:
        try:
            assert _line(storm) == "ready"
            yield storm
        finally:
            storm.kill()


def _go(storm: subprocess.Popen[str]) -> None:
    assert storm.stdin is not None
    storm.stdin.write("go\n")
    storm.stdin.flush()


def _line(storm: subprocess.Popen[str]) -> str:
    assert storm.stdout is not None
    return storm.stdout.readline().strip()


def _integrity(path: str) -> str:
    connection = apsw.Connection(path)
    try:
        return str(connection.pragma("integrity_check"))
    finally:
        connection.close()

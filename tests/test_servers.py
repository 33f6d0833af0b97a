"""The servers that other tests stand on."""

from __future__ import annotations

import subprocess
from pathlib import Path

import asyncpg
import pytest
from valkey import AuthenticationError, Valkey

import servers
from servers import PostgresServer, ServerMissing, ValkeyServer, postgres_server, valkey_server


async def test_postgres_answers_a_client_that_knows_the_password(postgres_database: str) -> None:
    connection = await asyncpg.connect(postgres_database)

    version = await connection.fetchval("SHOW server_version_num")

    assert int(version) >= 180_000
    await connection.close()


async def test_postgres_turns_away_a_client_without_the_password(postgres: PostgresServer) -> None:
    wrong = postgres.url().replace(postgres.password, "guess")

    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(wrong)


def test_every_test_gets_an_empty_database(postgres: PostgresServer) -> None:
    with postgres.database() as first, postgres.database() as second:
        names = {url.split("/")[3].split("?")[0] for url in (first, second)}

        listed = set(postgres.run("SELECT datname FROM pg_database").split())

    assert len(names & listed) == 2
    assert not names & set(postgres.run("SELECT datname FROM pg_database").split())


def test_what_postgres_committed_survives_a_kill() -> None:
    with postgres_server() as server:
        server.run("CREATE TABLE kept (value int)")
        server.run("INSERT INTO kept VALUES (7)")

        server.kill()
        server.start()

        assert server.run("SELECT value FROM kept") == "7"


def test_postgres_runs_without_privileges_and_is_gone_afterwards() -> None:
    with postgres_server(is_durable=False) as server:
        assert server.process.popen is not None
        pid, directory = server.process.popen.pid, server.directory
        owner = Path(f"/proc/{pid}").stat().st_uid

    assert owner != 0
    assert not Path(f"/proc/{pid}").exists()
    assert not directory.exists()


def test_a_failing_test_leaves_no_server_behind() -> None:
    pids: list[int] = []

    with pytest.raises(AssertionError, match="the test failed"):
        _fail_beside_a_server(pids)

    assert not Path(f"/proc/{pids[0]}").exists()


def test_valkey_wants_the_password(valkey: ValkeyServer) -> None:
    wrong = valkey.url.replace(valkey.password, "guess")

    with Valkey.from_url(wrong) as client, pytest.raises(AuthenticationError):
        client.ping()


def test_valkey_starts_again_after_a_kill() -> None:
    with valkey_server() as server, Valkey.from_url(server.url) as client:
        client.set("name", "value")

        server.kill()
        server.start()

        assert client.get("name") is None


def test_binaries_that_the_account_cannot_reach_are_copied() -> None:
    with servers._directory("copy") as directory:
        account = servers._unprivileged(directory)
        package = directory / "hidden" / "package"
        package.mkdir(parents=True)
        (package / "binary").write_text("found")
        package.parent.chmod(0o700)

        found = servers._reachable(package, directory, account)

        shown = subprocess.run(["/bin/cat", found / "binary"], capture_output=True, **account)
        assert shown.stdout == b"found"


def test_a_missing_package_is_named() -> None:
    with pytest.raises(ServerMissing, match="the package no-such-thing is not installed"):
        servers._package("no_such_thing", "no-such-thing")


def _fail_beside_a_server(pids: list[int]) -> None:
    with valkey_server() as server:
        assert server.process.popen is not None
        pids.append(server.process.popen.pid)
        raise AssertionError("the test failed")

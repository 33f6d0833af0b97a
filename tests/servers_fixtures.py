"""Fixtures over `servers`: one server of a kind per test process, started by the first that asks."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from servers import PostgresServer, ValkeyServer, postgres_server, valkey_server


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """Shared: a test that stops or kills it starts one of its own with `postgres_server`."""
    with postgres_server() as server:
        yield server


@pytest.fixture
def postgres_database(postgres: PostgresServer) -> Iterator[str]:
    """The URL of a fresh, empty database."""
    with postgres.database() as url:
        yield url


@pytest.fixture(scope="session")
def valkey() -> Iterator[ValkeyServer]:
    """Shared: a test that stops, kills or freezes it starts one of its own with `valkey_server`."""
    with valkey_server() as server:
        yield server

"""Fixtures over `stores`: an empty store, on each database or on SQLite alone."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from stores import Store
from tollhouse.storage.postgres import PostgresDatabase
from tollhouse.storage.sqlite import SqliteDatabase


@pytest.fixture(params=["sqlite", "postgres"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    """What every repository runs on."""
    if request.param == "sqlite":
        opened: Store = SqliteDatabase(tmp_path / "tollhouse.db")
    else:
        opened = PostgresDatabase(request.getfixturevalue("postgres_database"), None, 2)
    await opened.migrate()
    yield opened
    await opened.close()


@pytest.fixture
async def sqlite(tmp_path: Path) -> AsyncIterator[SqliteDatabase]:
    """What use cases run on: their SQL is proven elsewhere."""
    opened = SqliteDatabase(tmp_path / "tollhouse.db")
    await opened.migrate()
    yield opened
    await opened.close()

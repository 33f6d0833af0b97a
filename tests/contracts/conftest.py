"""One store of each kind, fresh for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from databases import Store, open_store


@pytest.fixture(params=["sqlite", "postgres"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where a fresh store is: a file, or the URL of a database. Other processes can open it too."""
    if request.param == "sqlite":
        return str(tmp_path / "tollhouse.db")
    url: str = request.getfixturevalue("postgres_database")
    return url


@pytest.fixture
async def store(address: str) -> AsyncIterator[Store]:
    opened = open_store(address)
    await opened.migrate()
    yield opened
    await opened.close()

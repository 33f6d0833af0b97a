"""Stores that are furnished."""

from __future__ import annotations

import pytest

from tollhouse.control import tenancy
from tollhouse.storage.sqlite import SqliteDatabase


@pytest.fixture
async def acme(sqlite: SqliteDatabase) -> SqliteDatabase:
    await tenancy.create_tenant(sqlite, "acme", 1)
    await tenancy.create_project(sqlite, "acme", "second", 1)
    return sqlite

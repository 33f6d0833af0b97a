"""The ledger's figures come of a ledger that adds up."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from bench.ledger import _of, _postgres

from tollhouse.storage.postgres import PostgresDatabase
from tollhouse.storage.sqlite import SqliteDatabase

SECONDS = 0.1


@pytest.mark.parametrize("name", ["sqlite", "postgres"])
async def test_pairs_are_counted_and_timed(tmp_path: Path, name: str) -> None:
    with _postgres() as url:
        is_postgres = name == "postgres"
        store = PostgresDatabase(url, None, 2) if is_postgres else SqliteDatabase(tmp_path / "db")

        rate, p99_ms = await asyncio.wait_for(_of(store, SECONDS, 200), 60)

    assert rate > 0
    assert p99_ms > 0

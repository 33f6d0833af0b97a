from __future__ import annotations

import asyncio

import pytest
from console import Console

from stores import acme_key
from tollhouse.storage.sqlite import SqliteDatabase

pytestmark = pytest.mark.req("B-44")


def test_a_review_is_drawn_and_told_in_both_forms(console: Console) -> None:
    key = _key(console)

    page = console.run("access", "review")
    (row,) = console.json("access", "review")
    header, line = console.run("access", "review", "--csv").out.splitlines()

    assert key in page.out
    assert (row["reaches"], row["unused"], row["limit_dollars"]) == ("small", "small", "$1.00")
    assert header.startswith("key,name,tenant")
    assert line.startswith(f"{key},website,acme")


def test_another_tenant_has_none(console: Console) -> None:
    _key(console)

    assert console.json("access", "review", "--tenant", "bolt") == []


def _key(console: Console) -> str:
    console.run("migrate")

    async def issue() -> str:
        store = SqliteDatabase(console.directory / "data" / "tollhouse.db")
        key = await acme_key(store, models=("small",))
        await store.close()
        return key.id

    return asyncio.run(issue())

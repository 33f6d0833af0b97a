"""Who is shown the receipt of a call, and what is never looked up."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fakes import FakeReply
from pipeline.houses import CALLER, World, call
from tollhouse.domain.errors import ReceiptPending, ReceiptUnknown
from tollhouse.domain.identity import Principal
from tollhouse.domain.snapshot import Snapshot
from tollhouse.pipeline.house import House, Shelves
from tollhouse.pipeline.receipts import show_receipt
from tollhouse.storage.sqlite import SqliteDatabase

CALL = "ab" * 16
ROW = {
    "id": CALL,
    "request_id": "request-1",
    "owner": "owner-1",
    "tenant": "acme",
    "project": "acme/default",
    "user_id": "acme/anna",
    "key_id": "another key",
    "tenant_account": 1,
    "project_account": 2,
    "user_account": 3,
    "key_account": 4,
    "route": "chat",
    "model": "m",
    "held": 900,
    "state": "settled",
    "created_at": 7,
    "settled_at": 8,
    "outcome": "completed",
    "owed": 90,
    "input": 1,
    "output": 2,
    "cache_read": 3,
    "cache_write": 4,
    "images": 5,
    "seconds": 6,
    "characters": 7,
    "source": "provider",
    "target": "first:m-real",
    "price": 9,
}

pytestmark = pytest.mark.req("B-13", "P-2")


async def test_a_receipt_says_what_was_settled(sqlite: SqliteDatabase) -> None:
    told = await shown(sqlite, CALLER)

    assert told["receipt"] == "signed"
    assert (told["owed"], told["price"], told["target"]) == (90, 9, "first:m-real")
    names = ("input", "output", "cache_read", "cache_write", "images", "seconds", "characters")
    assert [told[name] for name in names] == [1, 2, 3, 4, 5, 6, 7]
    assert (told["outcome"], told["source"]) == ("completed", "provider")
    assert (told["began_at"], told["settled_at"]) == (7, 8)


@pytest.mark.parametrize(
    "stranger",
    [
        replace(CALLER, user="acme/bert"),
        replace(CALLER, project="acme/second"),
        replace(CALLER, key="another key", user="acme/bert"),
        replace(CALLER, tenant="umbrella", project="umbrella/default", user="umbrella/anna"),
    ],
    ids=["another user", "another project", "another user's key", "another tenant"],
)
async def test_whoever_did_not_make_the_call_is_told_that_there_is_none(
    sqlite: SqliteDatabase, stranger: Principal
) -> None:
    with pytest.raises(ReceiptUnknown):
        await shown(sqlite, stranger)


@pytest.mark.parametrize("state", ["held", "unknown"])
async def test_what_is_not_settled_has_none_yet(sqlite: SqliteDatabase, state: str) -> None:
    with pytest.raises(ReceiptPending):
        await shown(sqlite, CALLER, state=state)


async def test_a_call_that_never_was_has_none(sqlite: SqliteDatabase) -> None:
    with pytest.raises(ReceiptUnknown):
        await shown(sqlite, CALLER, id="cd" * 16)


@pytest.mark.parametrize("named", ["", "x", "F" * 32, "f" * 31, "f" * 33, "f" * 31 + "\n"])
async def test_what_is_no_id_is_not_looked_up(tmp_path: Path, named: str) -> None:
    without_tables = SqliteDatabase(tmp_path / "empty.db")

    with pytest.raises(ReceiptUnknown):
        await show_receipt(replace(call(), path_rest=named), house(without_tables, CALLER))

    await without_tables.close()


async def test_without_the_setting_nothing_is_looked_up(tmp_path: Path) -> None:
    without_tables = SqliteDatabase(tmp_path / "empty.db")
    asked = replace(house(without_tables, CALLER), receipts=None)

    with pytest.raises(ReceiptUnknown, match="This gateway gives no receipts"):
        await show_receipt(replace(call(), path_rest=CALL), asked)

    await without_tables.close()


async def shown(store: SqliteDatabase, caller: Principal, **members: str) -> dict[str, Any]:
    row = {**ROW, **members}
    places = ", ".join(f"${number}" for number in range(1, len(row) + 1))
    await store.write(
        (f"INSERT INTO calls ({', '.join(row)}) VALUES ({places})", tuple(row.values()))
    )
    reply = FakeReply()
    await show_receipt(replace(call(reply=reply), path_rest=CALL), house(store, caller))
    told: dict[str, Any] = json.loads(reply.said)
    return told


def house(store: SqliteDatabase, caller: Principal) -> House:
    world = World(shelves=Shelves(store, {}))
    known = world.snapshot
    record = replace(known.keys[CALLER.key], principal=caller)
    world.snapshot = Snapshot(1, {CALLER.key: record}, known.names, known.prices)
    return replace(world.house, receipts=lambda receipt: "signed")

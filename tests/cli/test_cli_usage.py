from __future__ import annotations

import asyncio

import pytest
from console import Console

from stores import NOW, acme_key, hold, settle
from tollhouse.domain.budget import Outcome
from tollhouse.storage.sqlite import SqliteDatabase


def test_calls_are_listed_exactly(console: Console) -> None:
    _used(console)

    (newest, oldest) = console.json("usage", "list", "--tenant", "acme")

    assert (newest["state"], oldest["state"]) == ("unknown", "settled")
    assert (oldest["owed_nanos"], oldest["owed_dollars"]) == (300, "$0.0000003")


def test_an_open_call_is_shown_with_its_holder_and_resolved(console: Console) -> None:
    _used(console)
    (open_call,) = console.json("usage", "open")

    resolved = console.json("usage", "resolve", open_call["id"], "--owed", "0.0000005")

    assert open_call["owner_lives"] is False
    assert resolved["owed_nanos"] == 500
    assert console.json("usage", "open") == []
    assert console.json("budgets", "verify") == {"is_sound": True, "differences": []}


def test_a_budget_reads_the_same_in_both_forms(console: Console) -> None:
    _used(console)

    listed = {row["owner"]: row for row in console.json("budgets", "list")}
    page = console.run("budgets", "list").out

    acme = listed["tenant:acme"]
    assert (acme["spent_nanos"], acme["held_nanos"]) == (300, 900)
    assert acme["left_nanos"] == 1_000_000_000 - 1200
    assert acme["left_dollars"] in page


def test_a_budget_may_start_anew_and_what_was_spent_before_is_history(console: Console) -> None:
    _used(console)

    account = console.json(
        *("budgets", "set", "tenant:acme", "--limit", "5", "--soft"),
        *("--every", "month", "--zone", "Europe/Berlin"),
    )
    (over,) = console.json("budgets", "history", "tenant:acme")
    raised = console.json("budgets", "set", "tenant:acme", "--limit", "6")

    assert (account["every"], account["zone"], account["is_soft"]) == (
        "month",
        "Europe/Berlin",
        True,
    )
    assert (account["spent_nanos"], account["held_nanos"], over["spent_nanos"]) == (0, 900, 300)
    assert account["started_at"] < over["rolled_at"] < account["ends_at"] == raised["ends_at"]
    assert "$0.0000003" in console.run("budgets", "history", "tenant:acme").out
    assert console.json("budgets", "verify")["is_sound"] is True


def test_a_period_may_be_taken_away_and_what_was_spent_in_it_stays(console: Console) -> None:
    _used(console)
    console.run("budgets", "set", "tenant:acme", "--limit", "5", "--every", "30d")

    account = console.json("budgets", "set", "tenant:acme", "--limit", "5", "--every", "never")

    assert (account["every"], account["ends_at"], account["spent_nanos"]) == (None, None, 0)
    assert console.json("budgets", "verify")["is_sound"] is True


def test_a_balance_that_differs_ends_with_1(console: Console) -> None:
    _used(console)
    _write(console, "UPDATE accounts SET spent = 0 WHERE owner = 'tenant:acme'")

    ended = console.run("budgets", "verify", "--json")

    assert ended.status == 1
    (difference,) = ended.json["differences"]
    assert (difference["spent_nanos"], difference["spent_by_calls_nanos"]) == (0, 300)
    assert console.run("doctor").status == 1


@pytest.mark.req("P-26")
def test_old_calls_are_folded_and_every_balance_agrees(console: Console) -> None:
    _used(console)
    _write(console, "UPDATE calls SET created_at = 0")

    folded = console.json("usage", "fold")

    assert folded["calls"] == 1
    assert [call["state"] for call in console.json("usage", "list")] == ["unknown"]
    assert console.run("budgets", "verify").status == 0


def test_without_days_to_keep_nothing_is_folded(console: Console) -> None:
    _used(console)
    _write(console, "UPDATE calls SET created_at = 0")
    console.file.write_text(console.file.read_text() + "[ledger]\nkeep_days = 0\n")

    assert "keep_days is 0" in console.run("usage", "fold").out
    assert len(console.json("usage", "list")) == 2


def test_explain_says_why_not(console: Console) -> None:
    key = _used(console)

    ended = console.run("explain", key, "small", "--json")

    assert ended.status == 1
    assert ended.json["code"] == "model_not_granted"


def _used(console: Console) -> str:
    console.run("migrate")

    async def use() -> str:
        store = _store(console)
        key = await acme_key(store)
        await hold(store, key, "c1", 500)
        await settle(store, "c1", 300)
        await hold(store, key, "c2", 900, at_ms=NOW)
        await settle(store, "c2", 0, Outcome.UNKNOWN)
        await store.close()
        return key.id

    return asyncio.run(use())


def _write(console: Console, sql: str) -> None:
    async def write() -> None:
        store = _store(console)
        await store.write((sql, ()))
        await store.close()

    asyncio.run(write())


def _store(console: Console) -> SqliteDatabase:
    return SqliteDatabase(console.directory / "data" / "tollhouse.db")

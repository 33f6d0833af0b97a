from __future__ import annotations

import pytest

from stores import DAY_MS, NOW, acme_key, hold, settle
from tollhouse.control import budgets, sweeping
from tollhouse.control.sweeping import Policy, Swept
from tollhouse.domain.budget import Outcome, Source
from tollhouse.storage import calls, repeats
from tollhouse.storage.sqlite import SqliteDatabase

CHARGING = Policy(charges_unknown=True, unknown_after_s=86_400)


@pytest.mark.req("B-6")
async def test_money_of_a_living_owner_is_left_alone(sqlite: SqliteDatabase) -> None:
    key = await acme_key(sqlite)
    await sweeping.register(sqlite, "w0", "host", 1, 30, NOW)
    await hold(sqlite, key, "c1", 900, owner="w0")

    swept = await sweeping.sweep(sqlite, sqlite, CHARGING, NOW + 29_000)

    assert swept == Swept(0, 0)


@pytest.mark.req("B-6")
async def test_money_of_a_dead_owner_stays_held_until_someone_decides(
    sqlite: SqliteDatabase,
) -> None:
    key = await acme_key(sqlite)
    await sweeping.register(sqlite, "w0", "host", 1, 30, NOW)
    await hold(sqlite, key, "c1", 900, owner="w0")

    swept = await sweeping.sweep(sqlite, sqlite, Policy(), NOW + 2 * DAY_MS)

    account = await budgets.found(sqlite, "tenant:acme")
    assert swept == Swept(1, 0)
    assert (account.spent, account.held) == (0, 900)


async def test_under_charge_the_whole_hold_is_owed_after_a_while(sqlite: SqliteDatabase) -> None:
    key = await acme_key(sqlite)
    await hold(sqlite, key, "c1", 900, owner="gone")

    early = await sweeping.sweep(sqlite, sqlite, CHARGING, NOW + DAY_MS - 1)
    late = await sweeping.sweep(sqlite, sqlite, CHARGING, NOW + DAY_MS)
    again = await sweeping.sweep(sqlite, sqlite, CHARGING, NOW + DAY_MS)

    call = await calls.call(sqlite, "c1")
    assert (early, late, again) == (Swept(1, 0), Swept(0, 1), Swept(0, 0))
    assert call is not None
    assert (call.owed, call.source, call.anomaly) == (900, Source.HOLD, "owner_lost")


async def test_an_owner_that_was_forgotten_must_register_anew(sqlite: SqliteDatabase) -> None:
    await sweeping.register(sqlite, "w0", "host", 1, 30, NOW)
    await sweeping.sweep(sqlite, sqlite, Policy(), NOW + 31_000)

    assert not await sweeping.renew(sqlite, "w0", 30, NOW + 31_000)


@pytest.mark.req("H-148", "S-93")
async def test_what_died_under_a_key_is_not_charged_while_it_may_be_made_again(
    sqlite: SqliteDatabase,
) -> None:
    until_ms = await _lost_under_a_key(sqlite)

    early = await sweeping.sweep(sqlite, sqlite, CHARGING, until_ms - 1)
    late = await sweeping.sweep(sqlite, sqlite, CHARGING, until_ms)

    assert (early, late) == (Swept(1, 0), Swept(0, 1))


@pytest.mark.req("H-148", "S-93")
async def test_what_died_once_its_answer_was_kept_is_charged_like_any_other(
    sqlite: SqliteDatabase,
) -> None:
    await _lost_under_a_key(sqlite)
    await repeats.keep(sqlite, "claim", "c1", "text/plain", b"sealed")

    await sweeping.sweep(sqlite, sqlite, CHARGING, NOW + DAY_MS - 1)
    swept = await sweeping.sweep(sqlite, sqlite, CHARGING, NOW + DAY_MS)

    assert swept == Swept(0, 1)


@pytest.mark.req("H-148", "S-93")
async def test_what_a_living_process_left_open_under_a_key_is_charged_like_any_other(
    sqlite: SqliteDatabase,
) -> None:
    key = await acme_key(sqlite)
    await hold(sqlite, key, "c1", 900)
    until_ms = NOW + 3 * DAY_MS
    await sqlite.write(*repeats.claiming("claim", "acme", key.id, "c1", "asked", NOW, until_ms))
    await settle(sqlite, "c1", 0, Outcome.UNKNOWN)

    swept = await sweeping.sweep(sqlite, sqlite, CHARGING, NOW + DAY_MS)

    assert swept == Swept(0, 1)


@pytest.mark.req("S-93")
async def test_a_sweep_forgets_keys_and_answers_whose_time_is_over(sqlite: SqliteDatabase) -> None:
    for name, until_ms in (("old", NOW), ("new", NOW + 1)):
        await sqlite.write(*repeats.claiming(name, "acme", "k", name, "asked", 0, until_ms))

    await sweeping.sweep(sqlite, sqlite, Policy(), NOW)

    assert await sqlite.read("SELECT id FROM repeats") == [("new",)]


async def _lost_under_a_key(store: SqliteDatabase) -> int:
    """A call of a process that died; until when its key may be sent again."""
    key = await acme_key(store)
    await hold(store, key, "c1", 900, owner="gone")
    until_ms = NOW + 3 * DAY_MS
    await store.write(*repeats.claiming("claim", "acme", key.id, "c1", "asked", NOW, until_ms))
    return until_ms

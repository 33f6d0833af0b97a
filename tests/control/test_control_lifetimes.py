"""How long a key may live, where the house says so."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stores import DAY_MS, NOW, PEPPERS, acme_key
from tollhouse.control import keys
from tollhouse.control.keys import Wish
from tollhouse.domain.errors import FieldInvalid
from tollhouse.domain.lifetimes import DAY_S, USUAL_S, Lifetimes
from tollhouse.storage.sqlite import SqliteDatabase

pytestmark = pytest.mark.req("P-37", "B-22")

REFUSING, CAPPING = Lifetimes(30 * DAY_S), Lifetimes(30 * DAY_S, are_capped=True)
BEYOND = [None, 30 * DAY_S + 1, 3650 * DAY_S]
LONGEST = NOW + 30 * DAY_MS


@pytest.mark.parametrize("life_s", BEYOND)
async def test_a_key_that_is_to_live_longer_is_not_issued(
    sqlite: SqliteDatabase, life_s: int | None
) -> None:
    await acme_key(sqlite)
    wish = Wish("acme", "long", expires_in_s=life_s)

    with pytest.raises(FieldInvalid, match="30 days"):
        await keys.issue(sqlite, PEPPERS, wish, NOW, lifetimes=REFUSING)

    assert [row.name for row in await keys.listed(sqlite)] == ["website"]


@pytest.mark.parametrize("life_s", BEYOND)
async def test_or_it_is_issued_for_as_long_as_it_may_live(
    sqlite: SqliteDatabase, life_s: int | None
) -> None:
    await acme_key(sqlite)
    wish = Wish("acme", "long", expires_in_s=life_s)

    key = await keys.issue(sqlite, PEPPERS, wish, NOW, lifetimes=CAPPING)

    assert key.expires_at_ms == (await keys.shown(sqlite, key.id)).expires_at_ms == LONGEST


@pytest.mark.parametrize("end_ms", [None, LONGEST + 1])
async def test_its_end_is_not_moved_beyond(sqlite: SqliteDatabase, end_ms: int | None) -> None:
    key = await acme_key(sqlite)

    with pytest.raises(FieldInvalid):
        await keys.expire(sqlite, key.id, end_ms, NOW, REFUSING)

    assert (await keys.shown(sqlite, key.id)).expires_at_ms == key.expires_at_ms
    assert await keys.expire(sqlite, key.id, end_ms, NOW, CAPPING) == LONGEST
    assert await keys.expire(sqlite, key.id, LONGEST, NOW, REFUSING) == LONGEST


async def test_a_rotation_that_asks_for_more_is_refused_and_the_old_secret_lives(
    sqlite: SqliteDatabase,
) -> None:
    key = await acme_key(sqlite)

    with pytest.raises(FieldInvalid):
        await keys.rotate(sqlite, PEPPERS, key.id, NOW, 0, 31 * DAY_S, lifetimes=REFUSING)

    assert (await keys.shown(sqlite, key.id)).rotated_at_ms is None


@pytest.mark.parametrize("keeps_expiry", [False, True])
@pytest.mark.parametrize("lifetimes", [REFUSING, CAPPING])
async def test_a_key_that_was_to_live_for_ever_has_an_end_after_its_rotation(
    sqlite: SqliteDatabase, lifetimes: Lifetimes, keeps_expiry: bool
) -> None:
    await acme_key(sqlite)
    endless = await keys.issue(sqlite, PEPPERS, Wish("acme", "old", expires_in_s=None), NOW)

    fresh = await keys.rotate(
        *(sqlite, PEPPERS, endless.id, NOW),
        expires_in_s=DAY_S,
        keeps_expiry=keeps_expiry,
        lifetimes=lifetimes,
    )

    assert fresh.expires_at_ms == LONGEST


@given(st.none() | st.integers(1, 4000 * DAY_S), st.none() | st.integers(1, 3650 * DAY_S))
def test_no_key_ends_later_than_it_may_nor_later_than_was_asked(
    life_s: int | None, longest_s: int | None
) -> None:
    wanted = None if life_s is None else NOW + life_s * 1000
    end = Lifetimes(longest_s, are_capped=True).end_ms(wanted, NOW)

    asked, most = life_s or 10**9, longest_s or 10**9
    assert (10**9 if end is None else (end - NOW) // 1000) == min(asked, most)
    assert Lifetimes(longest_s).usual_s == min(USUAL_S, most)

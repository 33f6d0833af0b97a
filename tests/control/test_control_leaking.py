"""What of ours lies in a text, and the act that ends it."""

from __future__ import annotations

import time
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stores import NOW, PEPPERS, Store, acme_key
from tollhouse.control import admin_tokens, keys
from tollhouse.control.keys import Foreign, Wish, draw
from tollhouse.control.leaking import Leak, leaked
from tollhouse.control.peppers import Peppers
from tollhouse.domain import credentials, leaks
from tollhouse.domain.admin_tokens import Claims
from tollhouse.domain.errors import FieldInvalid

pytestmark = pytest.mark.req("P-37", "B-22", "B-7")
AROUND = [
    "{}",
    '{{"key":"{}"}}',
    "curl -H 'x-api-key: {}'\n",
    "thk_{}",
    "A{}",
    "key%3D{}%26",
    "{}Z9",
]


@pytest.mark.parametrize("around", AROUND)
async def test_a_key_is_found_whatever_stands_around_it_and_revoked(
    store: Store, around: str
) -> None:
    key, other = await acme_key(store), await acme_key(store, "other")

    (leak,) = await _ended(store, around.format(key.key))

    assert (leak.kind, leak.id, leak.state, leak.operation) == (
        "key",
        key.id,
        "active",
        "keys.revoke",
    )
    assert (await keys.shown(store, key.id)).is_revoked
    assert not (await keys.shown(store, other.id)).is_revoked


@given(st.text("thk_aB0 ", max_size=80))
def test_no_text_before_a_key_hides_it(before: str) -> None:
    key = credentials.assemble("a1b2c3d4e5f6", "S" * 32)

    assert leaks.keys(before + key)[-1:] == [key]


async def test_an_id_or_another_secret_of_it_shuts_nobody_out(store: Store) -> None:
    key = await acme_key(store)
    forged = credentials.assemble(key.id, "S" * credentials.SECRET_LENGTH)
    stranger = credentials.assemble("0" * 12, "S" * credentials.SECRET_LENGTH)
    cut, mistyped = key.key[:-1], key.key[:-1] + ("a" if key.key[-1] != "a" else "b")

    found = await _ended(store, f"{key.id} {forged} {stranger} {cut} {mistyped}")

    assert [(each.kind, each.operation) for each in found] == [("old secret", "")]
    assert not (await keys.shown(store, key.id)).is_revoked


async def test_of_a_key_in_rotation_the_secret_that_leaked_dies_and_the_other_lives(
    store: Store,
) -> None:
    old = await acme_key(store)
    await keys.rotate(store, PEPPERS, old.id, NOW, grace_s=3600)

    (leak,) = await _ended(store, old.key)
    again = await _ended(store, old.key)

    row = await keys.shown(store, old.id)
    assert (leak.state, leak.operation) == ("active", "keys.retire")
    assert (row.is_revoked, row.previous_until_ms) == (False, None)
    assert [(each.state, each.operation) for each in again] == [("rotated", "")]


async def test_a_secret_that_opens_nothing_hides_none_of_the_same_key_that_does(
    sqlite: Store,
) -> None:
    older = await acme_key(sqlite)
    old = await keys.rotate(sqlite, PEPPERS, older.id, NOW)
    await keys.rotate(sqlite, PEPPERS, older.id, NOW, grace_s=3600)

    found = await _ended(sqlite, f"{older.key}\n{old.key}\n")

    assert [(each.state, each.operation) for each in found] == [
        *(("rotated", ""), ("active", "keys.retire"))
    ]
    assert (await keys.shown(sqlite, older.id)).previous_until_ms is None


async def test_an_old_secret_whose_time_is_over_is_told_as_that(sqlite: Store) -> None:
    old = await acme_key(sqlite)
    await keys.rotate(sqlite, PEPPERS, old.id, NOW - 60_000, grace_s=60)

    (leak,) = await _ended(sqlite, old.key)

    assert (leak.state, leak.operation) == ("expired", "keys.retire")


async def test_under_a_pepper_that_is_not_here_nothing_is_known(sqlite: Store) -> None:
    key = await acme_key(sqlite)
    minted = await admin_tokens.mint(sqlite, PEPPERS, Claims(), 900, "host:test", NOW)
    others = Peppers(2, {2: b"q" * 32})

    found = [each async for each in leaked(sqlite, others, f"{key.key} {minted.token}", NOW)]

    assert [(each.kind, each.operation) for each in found] == [("old secret", "")]


async def test_a_token_that_the_store_does_not_know_is_told_as_that(sqlite: Store) -> None:
    await acme_key(sqlite)
    minted = await admin_tokens.mint(sqlite, PEPPERS, Claims(), 900, "host:test", NOW)
    await sqlite.write(("DELETE FROM admin_tokens", ()))

    (leak,) = await _ended(sqlite, minted.token)

    assert (leak.state, leak.operation) == ("unknown", "")


async def test_a_key_that_could_come_back_is_revoked_too(store: Store) -> None:
    key = await acme_key(store)
    await keys.set_disabled(store, key.id, is_disabled=True)

    (leak,) = await _ended(store, key.key)

    assert (leak.state, (await keys.shown(store, key.id)).is_revoked) == ("disabled", True)


async def test_an_admin_token_is_taken_back_and_a_forged_one_is_none(store: Store) -> None:
    await acme_key(store)
    minted = await admin_tokens.mint(store, PEPPERS, Claims(), 900, "host:test", NOW)
    forged = minted.token[:-1] + ("0" if minted.token[-1] != "0" else "1")

    (leak,) = await _ended(store, f"{forged}\nAuthorization: Bearer {minted.token}\n")
    again = await _ended(store, minted.token)

    (row,) = await admin_tokens.listed(store)
    assert (leak.kind, leak.id, row.revoked_at_ms) == ("admin token", minted.id, NOW)
    assert [(each.state, each.operation) for each in again] == [("revoked", "")]


async def test_a_key_of_another_gateway_is_found_by_its_digest(store: Store) -> None:
    old = "sk-" + "o1D" * 8
    await acme_key(store)
    foreign = Foreign(sha256(old.encode()).hexdigest(), old[-4:])
    key = await keys.issue(store, PEPPERS, Wish("acme", "old", foreign=foreign), NOW)

    (leak,) = await _ended(store, f"OPENAI_API_KEY={old}\nOTHER=sk-{'x' * 24}")

    assert (leak.id, leak.operation) == (key.id, "keys.revoke")


async def test_a_secret_that_stands_there_often_is_told_of_once(store: Store) -> None:
    key = await acme_key(store)

    assert len(await _ended(store, f"{key.key}\n" * 1000)) == 1


async def test_a_key_that_was_revoked_is_told_as_that(sqlite: Store) -> None:
    key = await acme_key(sqlite)
    await keys.revoke(sqlite, key.id)

    (leak,) = await _ended(sqlite, key.key)

    assert (leak.kind, leak.state, leak.operation) == ("old secret", "revoked", "")


async def test_what_opens_nothing_is_told_of_once_for_each_key(sqlite: Store) -> None:
    key = await acme_key(sqlite)
    forged = [credentials.assemble(key.id, each * credentials.SECRET_LENGTH) for each in "RST"]

    found = await _ended(sqlite, " ".join(forged))

    assert [(each.id, each.state) for each in found] == [(key.id, "rotated")]


async def test_a_text_full_of_what_looks_like_keys_is_looked_through_in_one_go(
    sqlite: Store,
) -> None:
    key = await acme_key(sqlite)
    many = "\n".join(credentials.assemble(draw(12), "S" * 32) for _ in range(20_000))
    hostile = "thk_" * 100_000 + "tha_1_" * 100_000 + "sk-" * 100_000 + "a" * 1_000_000

    began = time.process_time()
    found = await _ended(sqlite, many + hostile + key.key)

    assert [each.id for each in found] == [key.id]
    assert time.process_time() - began < 60


async def test_a_text_that_is_too_long_is_refused(sqlite: Store) -> None:
    with pytest.raises(FieldInvalid):
        await _ended(sqlite, "x" * (leaks.MOST + 1))
    assert await _ended(sqlite, "x" * leaks.MOST) == []


async def _ended(store: Store, text: str) -> list[Leak]:
    found = [each async for each in leaked(store, PEPPERS, text, NOW)]
    for leak in found:
        if leak.work is not None:
            await leak.work(store)
    return found

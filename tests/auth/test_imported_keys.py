"""Keys of another gateway: what it kept of them opens them here, until they are rotated."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256

import pytest

from stores import NOW, PEPPERS, Store, acme_key
from tollhouse.auth.imported_keys import SHAPES, ImportedKeys
from tollhouse.auth.virtual_keys import VirtualKeys
from tollhouse.control import keys
from tollhouse.control.keys import Foreign, Wish
from tollhouse.domain.errors import KeyDisabled, KeyExpired, KeyMalformed, KeyUnknown
from tollhouse.domain.snapshot import Names, Snapshot
from tollhouse.domain.storing import Conflict
from tollhouse.storage import snapshots

OLD = "gw-" + "a1B2" * 16
LATER = NOW / 1000 + 60
DAY_S = 86_400

pytestmark = pytest.mark.req("B-7", "OT-13", "OT-17", "H-1")


def kept(key: str) -> str:
    return sha256(key.encode()).hexdigest()


async def taken_in(store: Store, **wish: object) -> str:
    await acme_key(store)
    wanted = Wish("acme", "old", expires_in_s=None, foreign=Foreign(kept(OLD), "xa1B2"))
    return (await keys.issue(store, PEPPERS, replace(wanted, **wish), NOW)).id  # type: ignore[arg-type]


async def snapshot(store: Store) -> Snapshot:
    return await snapshots.load(store, Names({}), requires_price=True)


def opening(beside: VirtualKeys | None = None) -> ImportedKeys:
    return ImportedKeys(PEPPERS.versions, beside or VirtualKeys(PEPPERS.versions))


async def test_the_old_key_opens_the_new_one_and_no_other_does(store: Store) -> None:
    beside = VirtualKeys(PEPPERS.versions)
    key = await taken_in(store)
    seen = await snapshot(store)

    caller = opening(beside).identify(OLD, seen, LATER)

    assert (caller.key, caller.tenant) == (key, "acme")
    assert beside.touched == {key: LATER}
    for other in (OLD + "x", OLD[:-1], OLD.upper(), kept(OLD), "gw-"):
        with pytest.raises(KeyUnknown):
            opening().identify(other, seen, LATER)


async def test_it_is_found_under_a_later_pepper_and_is_no_previous_secret(store: Store) -> None:
    peppers = {0: b"o" * 32, **PEPPERS.versions}
    beside = VirtualKeys(peppers)
    key = await taken_in(store)

    caller = ImportedKeys(peppers, beside).identify(OLD, await snapshot(store), LATER)

    assert caller.key == key
    assert not beside.touched_previous


async def test_what_is_kept_of_it_is_neither_the_key_nor_its_digest(store: Store) -> None:
    key = await taken_in(store)

    ((digest, foreign, tail),) = await store.read(
        "SELECT digest, foreign_digest, tail FROM keys WHERE id = $1", key
    )

    assert foreign == PEPPERS.digest(kept(OLD)).value.hex()
    assert tail == "a1B2"
    assert len({digest, foreign, kept(OLD)}) == 3


async def test_where_nothing_was_imported_such_a_key_is_none(store: Store) -> None:
    await acme_key(store)

    for shape in SHAPES:
        with pytest.raises(KeyMalformed):
            opening().identify(shape + "x" * 40, await snapshot(store), LATER)


async def test_a_pepper_that_was_withdrawn_shuts_it_out(store: Store) -> None:
    await taken_in(store)

    with pytest.raises(KeyUnknown):
        ImportedKeys({2: b"q" * 32}, {}).identify(OLD, await snapshot(store), LATER)


async def test_once_it_is_rotated_only_the_new_one_opens(store: Store) -> None:
    key = await taken_in(store)

    fresh = await keys.rotate(store, PEPPERS, key, NOW)
    seen = await snapshot(store)

    with pytest.raises(KeyMalformed):
        opening().identify(OLD, seen, LATER)
    assert VirtualKeys(PEPPERS.versions).identify(fresh.key, seen, LATER).key == key


async def test_a_grace_window_holds_for_it_and_a_second_rotation_ends_it(store: Store) -> None:
    key = await taken_in(store)

    await keys.rotate(store, PEPPERS, key, NOW, grace_s=DAY_S)
    seen = await snapshot(store)
    beside = VirtualKeys(PEPPERS.versions)
    within = opening(beside).identify(OLD, seen, LATER).key
    with pytest.raises(KeyUnknown):
        opening().identify(OLD, seen, NOW / 1000 + DAY_S)
    await keys.rotate(store, PEPPERS, key, NOW, grace_s=DAY_S)

    assert within == key
    assert beside.touched_previous == {key: LATER}
    assert (await snapshot(store)).imported == {}


async def test_it_is_disabled_expired_and_revoked_as_any_other(store: Store) -> None:
    key = await taken_in(store, expires_at_ms=NOW + 120_000)

    with pytest.raises(KeyExpired):
        opening().identify(OLD, await snapshot(store), NOW / 1000 + 121)
    await keys.set_disabled(store, key, is_disabled=True)
    with pytest.raises(KeyDisabled):
        opening().identify(OLD, await snapshot(store), LATER)
    await keys.revoke(store, key)
    assert (await snapshot(store)).imported == {}


async def test_one_key_is_taken_in_once(store: Store) -> None:
    await taken_in(store)

    with pytest.raises(Conflict):
        await taken_in(store, tenant="acme")


async def test_a_key_of_ours_is_never_found_by_a_foreign_digest(store: Store) -> None:
    issued = await acme_key(store)
    await taken_in(store)

    seen = await snapshot(store)

    with pytest.raises(KeyUnknown):
        opening().identify(issued.key, seen, LATER)

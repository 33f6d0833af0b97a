"""Two secrets of one key at a time, and when the old one was last used."""

from __future__ import annotations

from typing import NoReturn, cast

import pytest

from stores import DAY_MS, NOW, PEPPERS, Store, acme_key
from tollhouse.auth.virtual_keys import VirtualKeys
from tollhouse.control import keys, upkeep
from tollhouse.control.keys import Issued
from tollhouse.domain.errors import KeyUnknown, StoreUnavailable
from tollhouse.domain.snapshot import Names, Snapshot
from tollhouse.ports import Database
from tollhouse.storage import snapshots
from tollhouse.storage.keys import KeyRow

pytestmark = pytest.mark.req("B-22", "OT-17", "S-28")
LATER_S = NOW / 1000 + 60


async def test_the_use_of_an_old_secret_is_told_and_that_of_the_new_one_is_not(
    store: Store,
) -> None:
    old = await acme_key(store)
    new = await _rotated(store, old)
    taking = VirtualKeys(PEPPERS.versions)
    seen = await _snapshot(store)

    taking.identify(new.key, seen, LATER_S)
    unused = await _noted(store, taking, old.id)
    taking.identify(old.key, seen, LATER_S + 1)
    used = await _noted(store, taking, old.id)

    assert unused.previous_used_at_ms is None
    assert used.previous_used_at_ms == used.last_used_at_ms == int((LATER_S + 1) * 1000)
    assert used.rotated_at_ms == NOW


async def test_a_use_from_before_the_rotation_is_not_one_of_the_old_secret(store: Store) -> None:
    old = await acme_key(store)
    await _rotated(store, old)
    await keys.rotate(store, PEPPERS, old.id, NOW + 5000, grace_s=3600)

    await keys.touch(store, {}, {old.id: NOW + 4999})
    before = (await keys.shown(store, old.id)).previous_used_at_ms
    await keys.touch(store, {}, {old.id: NOW + 5001})
    await keys.touch(store, {}, {old.id: NOW + 5000})

    assert before is None
    assert (await keys.shown(store, old.id)).previous_used_at_ms == NOW + 5001


async def test_the_next_rotation_begins_anew(store: Store) -> None:
    old = await acme_key(store)
    await _rotated(store, old)
    await keys.touch(store, {}, {old.id: NOW + 1})

    await keys.rotate(store, PEPPERS, old.id, NOW + 2)

    assert (await keys.shown(store, old.id)).previous_used_at_ms is None


async def test_to_note_it_makes_no_snapshot_stale(store: Store) -> None:
    old = await acme_key(store)
    await _rotated(store, old)
    before = await snapshots.revision(store)

    await keys.touch(store, {}, {old.id: NOW + 1})

    assert await snapshots.revision(store) == before


async def test_an_old_secret_that_is_retired_dies_before_its_time(store: Store) -> None:
    old = await acme_key(store)
    new = await _rotated(store, old)

    await keys.retire(store, old.id)

    taking, seen = VirtualKeys(PEPPERS.versions), await _snapshot(store)
    assert taking.identify(new.key, seen, LATER_S).key == old.id
    with pytest.raises(KeyUnknown):
        taking.identify(old.key, seen, LATER_S)
    assert (await keys.shown(store, old.id)).previous_until_ms is None


async def test_of_a_key_that_has_one_secret_nothing_is_retired(store: Store) -> None:
    key = await acme_key(store)

    await keys.retire(store, key.id)

    taking = VirtualKeys(PEPPERS.versions)
    assert taking.identify(key.key, await _snapshot(store), LATER_S).key == key.id


async def test_what_could_not_be_written_is_written_the_next_time(
    sqlite: Store,
) -> None:
    old = await acme_key(sqlite)
    await _rotated(sqlite, old)
    taking = VirtualKeys(PEPPERS.versions)
    taking.identify(old.key, await _snapshot(sqlite), LATER_S)

    await upkeep.write_used_keys(cast(Database, Away()), taking.touched, taking.touched_previous)

    assert (await _noted(sqlite, taking, old.id)).previous_used_at_ms == int(LATER_S * 1000)


class Away:
    """A store that is not there."""

    async def write(self, *_statements: object) -> NoReturn:
        raise StoreUnavailable


async def _rotated(store: Store, key: Issued) -> Issued:
    return await keys.rotate(store, PEPPERS, key.id, NOW, grace_s=DAY_MS // 1000)


async def _noted(store: Store, taking: VirtualKeys, key: str) -> KeyRow:
    await upkeep.write_used_keys(store, taking.touched, taking.touched_previous)
    return await keys.shown(store, key)


async def _snapshot(store: Store) -> Snapshot:
    return await snapshots.load(store, Names({}), requires_price=False)

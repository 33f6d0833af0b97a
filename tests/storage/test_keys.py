from __future__ import annotations

import pytest

from stores import NOW, PEPPERS, Store, acme_key
from tollhouse.storage import keys, snapshots


async def test_only_the_newer_use_of_a_key_counts(store: Store) -> None:
    key = await acme_key(store)

    await keys.touch(store, {key.id: NOW + 5000})
    await keys.touch(store, {key.id: NOW + 1000})

    (row,) = await keys.keys(store)
    assert row.last_used_at_ms == NOW + 5000


async def test_noting_a_use_does_not_make_snapshots_stale(store: Store) -> None:
    key = await acme_key(store)
    before = await snapshots.revision(store)

    await keys.touch(store, {key.id: NOW})

    assert await snapshots.revision(store) == before


async def test_grants_that_someone_else_changed_are_not_overwritten(store: Store) -> None:
    key = await acme_key(store, models=("a",))

    is_late = await keys.set_models(store, key.id, ["a", "c"], before=["a", "b"])
    is_timely = await keys.set_models(store, key.id, ["a", "c"], before=["a"])

    assert (is_late, is_timely) == (False, True)


@pytest.mark.req("S-26")
async def test_nothing_stored_holds_the_key(store: Store) -> None:
    key = await acme_key(store)

    rows = await store.read("SELECT * FROM keys")

    secret = key.key.split("_")[2]
    assert secret not in repr(rows)
    assert PEPPERS.digest(key.key).value.hex() in repr(rows)


async def test_a_revoked_key_has_no_digest_any_more(store: Store) -> None:
    key = await acme_key(store)

    await keys.revoke(store, key.id)

    (row,) = await keys.keys(store, key=key.id)
    assert row.is_revoked
    assert row.is_disabled

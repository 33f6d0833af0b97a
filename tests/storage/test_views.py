from __future__ import annotations

from stores import Store, acme_key
from tollhouse.domain.snapshot import Names, View
from tollhouse.storage import snapshots, views


async def test_what_a_tenant_calls_models_by_is_in_the_snapshot(store: Store) -> None:
    await acme_key(store)
    before = await snapshots.load(store, Names({}), requires_price=True)

    await views.put(store, "acme", "best", "m")
    await views.put(store, "acme", "gpt-*", None)
    after = await snapshots.load(store, Names({}), requires_price=True)

    assert (before.views, after.views) == ({}, {"acme": View({"best": "m"}, ("gpt-*",))})
    assert after.revision > before.revision


async def test_the_last_word_on_a_name_holds_until_it_is_forgotten(store: Store) -> None:
    await acme_key(store)
    await views.put(store, "acme", "best", "m")
    await views.put(store, "acme", "best", "n")
    said = await views.views(store)

    has_forgotten = await views.forget(store, "acme", "best")
    snapshot = await snapshots.load(store, Names({}), requires_price=True)

    assert said["acme"].names == {"best": "n"}
    assert has_forgotten
    assert snapshot.views == {}
    assert not await views.forget(store, "acme", "best")

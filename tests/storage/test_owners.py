from __future__ import annotations

from stores import NOW, Store, acme_key, hold, settle
from tollhouse.storage import owners
from tollhouse.storage.owners import Owner

OWNER = Owner("w0", "host", 1, NOW, NOW + 1000)


async def test_a_lease_is_renewed_as_long_as_the_owner_is_known(store: Store) -> None:
    await owners.register(store, OWNER)

    is_known = await owners.renew(store, "w0", NOW + 9000)
    await owners.forget(store, "w0")
    is_still_known = await owners.renew(store, "w0", NOW + 9000)

    assert (is_known, is_still_known) == (True, False)


async def test_a_dead_owner_is_remembered_while_it_holds_money(store: Store) -> None:
    key = await acme_key(store)
    await owners.register(store, OWNER)
    await hold(store, key, "c1", 1, owner="w0")

    forgotten_early = await owners.forget_dead(store, NOW + 2000)
    await settle(store, "c1", 1)
    forgotten_late = await owners.forget_dead(store, NOW + 2000)

    assert (forgotten_early, forgotten_late) == (0, 1)
    assert await owners.owners(store) == []

from __future__ import annotations

import pytest

from stores import NOW, PEPPERS, Store, acme_key
from tollhouse.control import budgets, keys, tenancy
from tollhouse.domain.snapshot import Names, Target
from tollhouse.storage import prices, snapshots
from tollhouse.storage.prices import NewPrice
from tollhouse.storage.tenancy import Kind


async def test_a_key_comes_with_its_four_accounts_in_order(store: Store) -> None:
    key = await acme_key(store, models=("small", "big-*"))

    snapshot = await snapshots.load(store, Names({}), requires_price=True)

    principal = snapshot.keys[key.id].principal
    ids = {account.owner: account.id for account in await budgets.listed(store)}
    owners = ("tenant:acme", "project:acme/default", f"user:acme/key-{key.id}", f"key:{key.id}")
    assert principal.accounts == tuple(ids[owner] for owner in owners)
    assert principal.models == ("small", "big-*")


@pytest.mark.parametrize("kind", list(Kind))
async def test_whatever_a_key_stands_under_disables_it(store: Store, kind: Kind) -> None:
    key = await acme_key(store)
    names = {Kind.TENANT: "acme", Kind.PROJECT: "acme/default", Kind.USER: f"acme/key-{key.id}"}
    before = await snapshots.load(store, Names({}), requires_price=True)

    await tenancy.set_disabled(store, kind, names[kind], is_disabled=True)
    after = await snapshots.load(store, Names({}), requires_price=True)

    assert not before.keys[key.id].is_disabled
    assert after.keys[key.id].is_disabled
    assert after.revision > before.revision


async def test_both_secrets_of_a_rotated_key_are_there_within_its_grace(store: Store) -> None:
    key = await acme_key(store)
    fresh = await keys.rotate(store, PEPPERS, key.id, NOW, grace_s=60)

    record = (await snapshots.load(store, Names({}), requires_price=True)).keys[key.id]

    assert record.digest == PEPPERS.digest(fresh.key)
    assert record.previous == PEPPERS.digest(key.key)
    assert record.previous_until == NOW / 1000 + 60


async def test_the_price_in_force_is_the_newest_that_has_begun(store: Store) -> None:
    for rate, at_ms in ((1, NOW), (2, NOW + 1000), (3, NOW + 9000)):
        await prices.add(store, NewPrice("echo:echo", rate, 0, 0, 0, at_ms, "test"), NOW)

    snapshot = await snapshots.load(store, Names({}), requires_price=True)

    price = snapshot.price(Target("echo", "echo", "echo"), NOW / 1000 + 5)
    assert price is not None
    assert price.input == 2

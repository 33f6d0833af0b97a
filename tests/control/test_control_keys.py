from __future__ import annotations

import pytest

from stores import DAY_MS, NOW, PEPPERS, acme_key
from tollhouse.control import budgets, granting, key_rights, keys, tenancy
from tollhouse.control.keys import Wish
from tollhouse.domain import credentials
from tollhouse.domain.errors import FieldInvalid
from tollhouse.domain.snapshot import Names
from tollhouse.domain.storing import Conflict
from tollhouse.storage import snapshots
from tollhouse.storage.sqlite import SqliteDatabase


@pytest.mark.req("B-25")
async def test_a_new_key_may_call_nothing_has_no_budget_and_ends(sqlite: SqliteDatabase) -> None:
    key = await acme_key(sqlite)

    row = await keys.shown(sqlite, key.id)
    account = await budgets.found(sqlite, f"key:{key.id}")
    assert row.models == ()
    assert not account.has_budget
    assert row.expires_at_ms == NOW + 90 * DAY_MS


@pytest.mark.req("B-7", "S-22")
async def test_a_key_is_kept_as_a_digest_under_the_current_pepper(sqlite: SqliteDatabase) -> None:
    key = await acme_key(sqlite)

    record = (await snapshots.load(sqlite, Names({}), requires_price=True)).keys[key.id]

    assert credentials.public_id(key.key) == key.id
    assert record.digest == PEPPERS.digest(key.key)


@pytest.mark.req("S-26", "OT-16")
async def test_a_key_is_never_shown_again(sqlite: SqliteDatabase) -> None:
    key = await acme_key(sqlite)

    listed = repr(await keys.listed(sqlite))

    assert key.key not in listed
    assert key.key[-4:] in listed
    assert key.key[-5:] not in listed
    assert key.key not in repr(key)


@pytest.mark.req("OT-15")
async def test_a_key_without_a_user_gets_one_of_its_own(sqlite: SqliteDatabase) -> None:
    key = await acme_key(sqlite)

    (user,) = await tenancy.members(sqlite, tenancy.Kind.USER)
    assert user.id == f"acme/key-{key.id}"
    assert user.is_virtual


async def test_a_key_is_not_issued_for_another_tenants_user(sqlite: SqliteDatabase) -> None:
    await tenancy.create_tenant(sqlite, "acme", NOW)
    await tenancy.create_tenant(sqlite, "bolt", NOW)
    await tenancy.create_user(sqlite, "bolt", "anna", NOW)

    with pytest.raises(Conflict, match="no user"):
        await keys.issue(sqlite, PEPPERS, Wish("acme", "x", user="bolt/anna"), NOW)


@pytest.mark.req("OT-17")
async def test_without_a_grace_window_the_old_secret_dies_at_once(sqlite: SqliteDatabase) -> None:
    key = await acme_key(sqlite)

    fresh = await keys.rotate(sqlite, PEPPERS, key.id, NOW)

    record = (await snapshots.load(sqlite, Names({}), requires_price=True)).keys[key.id]
    assert fresh.id == key.id
    assert record.digest == PEPPERS.digest(fresh.key)
    assert record.previous is None


async def test_a_grace_window_does_not_outlive_the_old_secret(sqlite: SqliteDatabase) -> None:
    key = await acme_key(sqlite)
    late_ms = NOW + 90 * DAY_MS - 1000

    await keys.rotate(sqlite, PEPPERS, key.id, late_ms, grace_s=3600)

    row = await keys.shown(sqlite, key.id)
    assert row.previous_until_ms == NOW + 90 * DAY_MS


async def test_rotating_an_expired_key_does_not_revive_its_old_secret(
    sqlite: SqliteDatabase,
) -> None:
    key = await acme_key(sqlite)

    await keys.rotate(sqlite, PEPPERS, key.id, NOW + 91 * DAY_MS, grace_s=3600)

    record = (await snapshots.load(sqlite, Names({}), requires_price=True)).keys[key.id]
    assert record.previous is None


@pytest.mark.req("P-37")
async def test_a_revoked_key_can_be_neither_enabled_nor_rotated(sqlite: SqliteDatabase) -> None:
    key = await acme_key(sqlite)
    await keys.revoke(sqlite, key.id)

    with pytest.raises(Conflict, match="for good"):
        await keys.set_disabled(sqlite, key.id, is_disabled=False)
    with pytest.raises(Conflict, match="for good"):
        await keys.rotate(sqlite, PEPPERS, key.id, NOW)

    record = (await snapshots.load(sqlite, Names({}), requires_price=True)).keys[key.id]
    assert record.is_disabled
    assert record.digest.value == b""


async def test_grants_are_given_and_taken_back(sqlite: SqliteDatabase) -> None:
    key = await acme_key(sqlite, models=("a",))

    more = await key_rights.grant(sqlite, f"thk_{key.id}", ["b-*", "a"])
    less = await key_rights.withdraw(sqlite, key.id, ["a"])

    assert more == ("a", "b-*")
    assert less == ("b-*",)


@pytest.mark.parametrize("model", ["", "a b", "*a", "a*b", "a\x00", "a" * 300])
async def test_a_grant_that_matches_nothing_is_refused(sqlite: SqliteDatabase, model: str) -> None:
    key = await acme_key(sqlite)

    with pytest.raises(FieldInvalid):
        await key_rights.grant(sqlite, key.id, [model])


@pytest.mark.req("OT-25", "OT-26", "S-46")
async def test_a_key_is_granted_nothing_beyond_what_its_user_may(sqlite: SqliteDatabase) -> None:
    key = await annas_key(sqlite, ["gpt-4*"])
    await granting.allow(sqlite, "acme/anna", ["gpt-*"])

    await key_rights.grant(sqlite, key, ["gpt-5"])
    for beyond in ("o3", "*", "g*"):
        with pytest.raises(FieldInvalid, match="beyond"):
            await key_rights.grant(sqlite, key, [beyond])
        with pytest.raises(FieldInvalid, match="beyond"):
            await annas_key(sqlite, [beyond])


@pytest.mark.req("OT-25", "OT-26", "S-46")
async def test_a_user_who_may_less_takes_their_keys_along_at_once(sqlite: SqliteDatabase) -> None:
    key = await annas_key(sqlite, ["gpt-*", "o3"])
    seen = []

    for most in (["gpt-4", "o*"], [], None):
        await granting.allow(sqlite, "acme/anna", most)
        seen.append((await snapshots.revision(sqlite), await callable_by(sqlite, key)))

    assert [models for _, models in seen] == [("o3", "gpt-4"), (), ("gpt-*", "o3")]
    assert len({revision for revision, _ in seen}) == 3


async def annas_key(store: SqliteDatabase, models: list[str]) -> str:
    if not await tenancy.members(store, tenancy.Kind.USER, "acme"):
        await tenancy.create_tenant(store, "acme", NOW)
        await tenancy.create_user(store, "acme", "anna", NOW)
    wish = Wish("acme", "k", user="anna", models=tuple(models))
    return (await keys.issue(store, PEPPERS, wish, NOW)).id


async def callable_by(store: SqliteDatabase, key: str) -> tuple[str, ...]:
    snapshot = await snapshots.load(store, Names({}), requires_price=True)
    return snapshot.keys[key].principal.models

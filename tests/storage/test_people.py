"""Roles, admin tokens, versions and kept answers, in each database."""

from __future__ import annotations

import asyncio

import pytest

from stores import NOW, Store, acme_key
from tollhouse.control import removing, tenancy
from tollhouse.domain.errors import InUse
from tollhouse.domain.operations import Role
from tollhouse.domain.storing import Conflict
from tollhouse.storage import holders, memberships, replies, tokens, versions
from tollhouse.storage.memberships import Membership
from tollhouse.storage.tenancy import Kind
from tollhouse.storage.tokens import TokenRow

DAY_MS = 86_400_000


@pytest.mark.req("S-45")
async def test_a_user_has_one_role_at_a_place(store: Store) -> None:
    await people(store)
    first = Membership("m1", "acme/anna", "tenant:acme", Role.ADMIN, NOW)
    await memberships.add(store, first)

    with pytest.raises(Conflict):
        await memberships.add(store, Membership("m2", "acme/anna", "tenant:acme", Role.OWNER, NOW))

    assert await memberships.change(store, "acme/anna", "tenant:acme", Role.AUDITOR)
    (row,) = await memberships.memberships(store, "tenant:acme")
    assert (row.id, row.role) == ("m1", Role.AUDITOR)
    assert await memberships.membership(store, "m1") == row
    assert await memberships.remove(store, "acme/anna", "tenant:acme")
    assert not await memberships.remove(store, "acme/anna", "tenant:acme")


async def test_owners_are_counted_without_those_who_are_shut_out(store: Store) -> None:
    await people(store)
    for name in ("anna", "bert"):
        await memberships.add(
            store, Membership(f"m-{name}", f"acme/{name}", "tenant:acme", Role.OWNER, NOW)
        )

    assert await memberships.has_other_owners(store, "tenant:acme", "acme/anna")
    await tenancy.set_disabled(store, Kind.USER, "acme/bert", is_disabled=True)
    assert not await memberships.has_other_owners(store, "tenant:acme", "acme/anna")


@pytest.mark.req("B-23")
async def test_a_token_is_listed_with_its_last_use_and_taken_back_once(store: Store) -> None:
    row = TokenRow("t1", "acme/anna", "admin", "house", ("keys.*",), "host:x", NOW, NOW + 900_000)
    await tokens.add(store, row, NOW - DAY_MS)

    await tokens.touch(store, "t1", NOW + 5, NOW - 60_000)
    await tokens.touch(store, "t1", NOW + 9, NOW - 60_000)  # noted a moment ago
    is_revoked = [await tokens.revoke(store, "t1", NOW + 7) for _ in range(2)]

    assert is_revoked == [True, False]
    found = await tokens.token(store, "t1")
    assert found is not None
    assert (found.operations, found.last_used_at_ms, found.revoked_at_ms) == (
        ("keys.*",),
        NOW + 5,
        NOW + 7,
    )


async def test_tokens_that_have_been_over_for_long_are_forgotten(store: Store) -> None:
    old = TokenRow("old", "", "owner", "house", (), "host:x", NOW, NOW + 1)
    await tokens.add(store, old, NOW - DAY_MS)

    new = TokenRow("new", "", "owner", "house", (), "host:x", NOW, NOW + DAY_MS)
    await tokens.add(store, new, NOW + 2)

    assert [row.id for row in await tokens.tokens(store)] == ["new"]


async def test_of_many_who_follow_one_version_one_does(store: Store) -> None:
    number = await versions.version(store, "key:k")

    ends = await asyncio.gather(
        *(store.write(versions.following("key:k", number, NOW)) for _ in range(8)),
        return_exceptions=True,
    )

    assert sum(isinstance(end, Conflict) for end in ends) == 7
    assert await versions.version(store, "key:k") == number + 1


async def test_what_came_with_a_lost_version_is_not_done(store: Store) -> None:
    await store.write(versions.following("tenant:acme", 0, NOW))

    with pytest.raises(Conflict):
        await store.write(
            versions.following("tenant:acme", 0, NOW),
            ("INSERT INTO tenants (id, created_at) VALUES ($1, $2)", ("acme", NOW)),
        )

    assert await tenancy.members(store, Kind.TENANT) == []


async def test_a_claimed_answer_is_kept_for_its_time(store: Store) -> None:
    await store.write(*replies.claiming("r", "asked", NOW, NOW - DAY_MS))
    claimed = await replies.kept(store, "r", NOW - DAY_MS)
    await replies.keep(store, "r", 201, "{}")

    kept = await replies.kept(store, "r", NOW - DAY_MS)
    assert claimed is not None
    assert claimed.body is None
    assert kept is not None
    assert (kept.asked, kept.status, kept.body) == ("asked", 201, "{}")
    assert await replies.kept(store, "r", NOW + 1) is None
    await store.write(*replies.claiming("r", "anew", NOW + 2 * DAY_MS, NOW + DAY_MS))


async def test_what_holds_a_thing_is_counted_and_then_it_stays(store: Store) -> None:
    await acme_key(store)
    await tenancy.create_user(store, "acme", "anna", NOW)
    await memberships.add(store, Membership("m", "acme/anna", "tenant:acme", Role.OWNER, NOW))

    held = {kind: await holders.holders(store, kind, "acme") for kind in (Kind.TENANT,)}
    held[Kind.PROJECT] = await holders.holders(store, Kind.PROJECT, "acme/default")
    held[Kind.USER] = await holders.holders(store, Kind.USER, "acme/anna")

    assert held == {
        Kind.TENANT: {"users": 2, "keys": 1, "roles": 1},
        Kind.PROJECT: {"keys": 1},
        Kind.USER: {"roles": 1},
    }
    with pytest.raises(InUse):
        await removing.delete(store, Kind.USER, "acme/anna")


async def test_what_nothing_holds_is_deleted_with_all_that_came_with_it(store: Store) -> None:
    await people(store)
    for name in ("anna", "bert"):
        await removing.delete(store, Kind.USER, f"acme/{name}")

    await removing.delete(store, Kind.TENANT, "acme")

    for table in ("tenants", "projects", "users", "accounts"):
        assert await store.read(f"SELECT COUNT(*) FROM {table}") == [(0,)]
    with pytest.raises(Conflict):
        await removing.delete(store, Kind.TENANT, "acme")


async def people(store: Store) -> None:
    await tenancy.create_tenant(store, "acme", NOW)
    for name in ("anna", "bert"):
        await tenancy.create_user(store, "acme", name, NOW)

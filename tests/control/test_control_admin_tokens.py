"""What a token is minted for, and what it opens at the moment it is shown."""

from __future__ import annotations

from contextlib import nullcontext

import pytest

from stores import NOW, PEPPERS
from tollhouse.control import admin_tokens, members, tenancy
from tollhouse.control.admin_tokens import KEPT_MS, TOUCH_EVERY_MS, Minted
from tollhouse.domain.admin_tokens import LONGEST_S, Claims, claims_of, proved
from tollhouse.domain.errors import FieldInvalid, KeyDisabled, KeyUnknown
from tollhouse.domain.operations import Role
from tollhouse.domain.roles import HOUSE, Actor, Grant, Place
from tollhouse.domain.storing import Conflict
from tollhouse.storage import tokens
from tollhouse.storage.sqlite import SqliteDatabase
from tollhouse.storage.tenancy import Kind

HOST = Actor("host:test", "host", (Grant(Role.OWNER, HOUSE),))
ANNA, HOUSE_OWNER = Claims("acme/anna"), Claims()

pytestmark = pytest.mark.req("B-12", "B-23", "S-52")


@pytest.fixture
async def people(sqlite: SqliteDatabase) -> SqliteDatabase:
    await tenancy.create_tenant(sqlite, "acme", NOW)
    for name, role in (("anna", Role.ADMIN), ("bert", Role.AUDITOR)):
        await tenancy.create_user(sqlite, "acme", name, NOW)
        await members.add(sqlite, HOST, f"acme/{name}", "tenant:acme", role, NOW)
    return sqlite


async def minted(
    store: SqliteDatabase, claims: Claims = HOUSE_OWNER, ttl_s: int = 900, at_ms: int = NOW
) -> Minted:
    return await admin_tokens.mint(store, PEPPERS, claims, ttl_s, "host:test", at_ms)


async def shown(store: SqliteDatabase, token: Minted, at_ms: int = NOW, peer: str = "") -> Actor:
    return await admin_tokens.actor(store, token.id, claims_of(token.token), peer, at_ms)


@pytest.mark.parametrize(
    ("ttl_s", "passes"),
    [(0, False), (-1, False), (1, True), (LONGEST_S, True), (LONGEST_S + 1, False)],
)
async def test_a_token_lives_for_a_second_to_12_hours(
    people: SqliteDatabase, ttl_s: int, passes: bool
) -> None:
    with nullcontext() if passes else pytest.raises(FieldInvalid):
        token = await minted(people, ttl_s=ttl_s)

        assert token.expires_at_ms == NOW + 1000 * ttl_s
        assert proved(token.token, PEPPERS.versions, NOW / 1000) == token.id

    assert len(await admin_tokens.listed(people)) == passes


@pytest.mark.parametrize(
    ("claims", "refusal"),
    [
        (Claims(at="tenant:nobody"), Conflict),
        (Claims(at="project:acme/nothing"), Conflict),
        (Claims(at="somewhere"), FieldInvalid),
        (Claims(at="user:acme/anna"), FieldInvalid),
        (Claims("acme/nobody"), Conflict),
        (Claims(operations=("keys.steal",)), FieldInvalid),
        (Claims(operations=("keys.list", "keys.L*")), FieldInvalid),
        (Claims(operations=("k[a-z]ys.*",)), FieldInvalid),
        (Claims(operations=("",)), FieldInvalid),
        (Claims(operations=("keys.*",) * 21), FieldInvalid),
    ],
)
async def test_what_is_nowhere_and_nobody_s_is_minted_for_nothing(
    people: SqliteDatabase, claims: Claims, refusal: type[Exception]
) -> None:
    with pytest.raises(refusal):
        await minted(people, claims)

    assert await admin_tokens.listed(people) == []


@pytest.mark.parametrize(
    "claims",
    [Claims(operations=("keys.list", "keys.*")), Claims(operations=("keys.*",) * 20), ANNA],
)
async def test_what_a_token_is_minted_for_is_in_it_and_in_the_list(
    people: SqliteDatabase, claims: Claims
) -> None:
    token = await minted(people, claims)

    (row,) = await admin_tokens.listed(people)
    assert claims_of(token.token) == claims
    assert (row.id, row.user, row.operations) == (token.id, claims.user, claims.operations)
    assert (row.minted_by, row.expires_at_ms) == ("host:test", token.expires_at_ms)
    assert token.token not in repr(token)


async def test_what_is_over_for_30_days_is_not_listed_any_more(people: SqliteDatabase) -> None:
    old = await minted(people)

    await minted(people, at_ms=old.expires_at_ms + KEPT_MS)
    assert len(await admin_tokens.listed(people)) == 2
    await minted(people, at_ms=old.expires_at_ms + KEPT_MS + 1)

    assert old.id not in [row.id for row in await admin_tokens.listed(people)]


async def test_without_a_user_it_is_the_host_s_who_minted_it(people: SqliteDatabase) -> None:
    claims = Claims(role=Role.AUDITOR, at="tenant:acme", operations=("keys.*",))

    comes = await shown(people, await minted(people, claims), peer="192.0.2.1")

    held = Grant(Role.AUDITOR, Place("acme"))
    assert (comes.name, comes.source, comes.user) == ("host:test", "api", "")
    assert (comes.grants, comes.ceiling, comes.only) == ((held,), held, ("keys.*",))
    assert comes.peer == "192.0.2.1"


@pytest.mark.req("S-46")
async def test_with_a_user_it_may_what_they_hold_at_that_moment(people: SqliteDatabase) -> None:
    token = await minted(people, ANNA)

    before = await shown(people, token)
    await members.change(people, HOST, "acme/anna", "tenant:acme", Role.READONLY)
    after = await shown(people, token)
    await members.remove(people, HOST, "acme/anna", "tenant:acme")
    none = await shown(people, token)

    assert before.grants == (Grant(Role.ADMIN, Place("acme")),)
    assert after.grants == (Grant(Role.READONLY, Place("acme")),)
    assert none.grants == ()
    assert (before.name, before.user, before.token) == ("acme/anna", "acme/anna", token.id)


async def test_a_token_that_the_store_does_not_know_opens_nothing(people: SqliteDatabase) -> None:
    with pytest.raises(KeyUnknown):
        await admin_tokens.actor(people, "0Ab1Cd2Ef3Gh", Claims(), "", NOW)


async def test_a_token_that_was_taken_back_opens_nothing_and_is_taken_back_once(
    people: SqliteDatabase,
) -> None:
    token = await minted(people)

    await admin_tokens.revoke(people, token.id, NOW)

    with pytest.raises(KeyDisabled):
        await shown(people, token)
    with pytest.raises(Conflict):
        await admin_tokens.revoke(people, token.id, NOW)


async def test_the_token_of_who_is_shut_out_opens_nothing_and_those_of_others_do(
    people: SqliteDatabase,
) -> None:
    annas, berts = await minted(people, ANNA), await minted(people, Claims("acme/bert"))

    await tenancy.set_disabled(people, Kind.USER, "acme/anna", is_disabled=True)

    with pytest.raises(KeyDisabled):
        await shown(people, annas)
    assert (await shown(people, berts)).grants == (Grant(Role.AUDITOR, Place("acme")),)


async def test_when_it_was_used_is_noted_once_a_minute(people: SqliteDatabase) -> None:
    token, noted = await minted(people), []

    for at_ms in (NOW, NOW + TOUCH_EVERY_MS, NOW + TOUCH_EVERY_MS + 1):
        await shown(people, token, at_ms)
        row = await tokens.token(people, token.id)
        noted.append(row.last_used_at_ms if row else None)

    assert noted == [NOW, NOW, NOW + TOUCH_EVERY_MS + 1]

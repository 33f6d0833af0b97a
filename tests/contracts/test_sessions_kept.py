"""Sessions on every store there is: begun, worth what their user is, and ended by whatever should end them."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from databases import NOW, Store

from tollhouse.control import members, removing, revoking, sessions, tenancy
from tollhouse.control.sessions import Admission, Arrival, Begun
from tollhouse.domain.admin_tokens import Claims
from tollhouse.domain.errors import FieldInvalid, LoginRefused, SessionOver
from tollhouse.domain.operations import Role
from tollhouse.domain.roles import HOUSE, Actor, Grant, Place
from tollhouse.domain.sessions import Front, Terms
from tollhouse.domain.storing import Conflict
from tollhouse.storage import sessions as stored
from tollhouse.storage import tenancy as kept
from tollhouse.storage.tenancy import Kind

pytestmark = pytest.mark.req("S-27", "S-43")

HOST = Actor("host:test", "host", (Grant(Role.OWNER, HOUSE),))
TERMS = Terms(idle_s=600, longest_s=3600)
AT = Admission(Front("https://gate.example"), TERMS, {"okta": "rules-1"})
ANNA = Arrival("acme/anna", Claims("acme/anna"), "login:okta", (), "okta", "sub-of-anna")
OPERATOR = Arrival("host:root", Claims(), "claim")


async def test_a_session_is_worth_what_its_user_holds(store: Store) -> None:
    begun = await begin(store)

    actor, row = await comes(store, begun)

    assert (actor.name, actor.user, actor.source) == ("acme/anna", "acme/anna", "api")
    assert actor.grants == (Grant(Role.FINANCE, Place("acme")),)
    assert (row.issuer, row.peer) == ("okta", "10.0.0.1")


async def test_what_the_providers_rule_gives_is_held_beside_it(store: Store) -> None:
    begun = await begin(store, replace(ANNA, given=(("auditor", "house"),)))

    actor, _ = await comes(store, begun)

    assert set(actor.grants) == {Grant(Role.FINANCE, Place("acme")), Grant(Role.AUDITOR, HOUSE)}


async def test_nothing_that_opens_a_session_is_in_the_store(store: Store) -> None:
    begun = await begin(store)
    claim = await sessions.claim(store, Claims(), 60, "host:root", NOW)

    rows = [
        *await store.read("SELECT * FROM sessions"),
        *await store.read("SELECT * FROM claims"),
    ]

    assert begun.secret[4:] not in str(rows)
    assert claim.secret[4:] not in str(rows)
    assert begun.secret not in repr(begun)
    assert len(begun.secret) == len("ths_") + 64


async def test_it_is_over_when_it_was_not_used_and_each_use_prolongs_it(store: Store) -> None:
    begun = await begin(store)

    for after_s in (599, 1198, 1797):
        await comes(store, begun, after_s)

    await over(store, begun, 1797 + 600, "unused")


async def test_it_is_over_at_its_end_however_much_it_is_used(store: Store) -> None:
    begun = await begin(store)

    for after_s in range(0, 3600, 300):
        await comes(store, begun, after_s)

    await over(store, begun, 3600, None)


async def test_it_is_over_when_it_was_ended_and_that_is_done_once(store: Store) -> None:
    begun, other = await begin(store), await begin(store)

    await sessions.revoke(store, begun.id, "host:root", NOW)

    await over(store, begun, 0, "host:root")
    assert await comes(store, other)
    with pytest.raises(Conflict):
        await sessions.revoke(store, begun.id, "host:root", NOW)


@pytest.mark.parametrize("role", [Role.OWNER, Role.READONLY])
async def test_it_is_over_when_its_users_role_changes(store: Store, role: Role) -> None:
    begun = await begin(store)

    await members.change(store, HOST, "acme/anna", "tenant:acme", role)

    await over(store, begun, 0, "its user has other roles")


async def test_it_is_over_when_its_user_gets_a_role_or_loses_one(store: Store) -> None:
    begun = await begin(store)
    await members.add(store, HOST, "acme/anna", "house", Role.AUDITOR, NOW)
    await over(store, begun, 0, "its user has other roles")

    begun = await begin(store)
    await members.remove(store, HOST, "acme/anna", "house")
    await over(store, begun, 0, "its user has other roles")


async def test_it_is_over_when_its_user_is_shut_out_and_stays_so(store: Store) -> None:
    begun = await begin(store)

    await kept.set_disabled(store, Kind.USER, "acme/anna", is_disabled=True)
    await over(store, begun, 0, "its user is gone or shut out")
    await kept.set_disabled(store, Kind.USER, "acme/anna", is_disabled=False)

    await over(store, begun, 0, "its user is gone or shut out")


async def test_it_is_over_when_its_user_is_gone(store: Store) -> None:
    begun = await begin(store)

    await members.remove(store, HOST, "acme/anna", "tenant:acme")
    await removing.delete(store, Kind.USER, "acme/anna")

    await over(store, begun, 0, "its user is gone or shut out")


@pytest.mark.parametrize("rules", [{}, {"okta": "rules-2"}, {"entra": "rules-1"}])
async def test_it_is_over_when_its_provider_would_not_let_in_by_the_same_rules(
    store: Store, rules: dict[str, str]
) -> None:
    begun = await begin(store)

    await over(store, begun, 0, "the rules of its provider are others", replace(AT, rules=rules))


async def test_it_is_over_when_its_subject_was_taken_back(store: Store) -> None:
    begun, other = await begin(store), await begin(store, replace(ANNA, subject="another"))

    await revoking.revoke(store, "okta", 3600, "", "sub-of-anna", NOW)

    await over(store, begun, 0, "its subject was taken back")
    assert await comes(store, other)


@pytest.mark.req("S-35")
async def test_a_new_login_ends_the_session_that_it_replaces_and_has_another_secret(
    store: Store,
) -> None:
    first = await begin(store)

    second = await sessions.begin(store, AT, ANNA, "10.0.0.1", NOW, previous=first.id)

    assert first.secret != second.secret
    await over(store, first, 0, "a new login")
    assert await comes(store, second)


async def test_who_is_shut_out_begins_none(store: Store) -> None:
    await begin(store)
    await kept.set_disabled(store, Kind.USER, "acme/anna", is_disabled=True)

    with pytest.raises(LoginRefused):
        await sessions.begin(store, AT, ANNA, "10.0.0.1", NOW)
    with pytest.raises(LoginRefused):
        await sessions.begin(
            store, AT, replace(ANNA, claims=Claims("acme/nobody")), "10.0.0.1", NOW
        )


@pytest.mark.parametrize(
    "secret", ["", "ths_", "ths_" + "0" * 64, "thc_" + "0" * 64, "ths_" + "0" * 63 + "G", "x" * 68]
)
async def test_what_is_no_session_opens_nothing(store: Store, secret: str) -> None:
    await begin(store)

    with pytest.raises(SessionOver):
        await sessions.actor(store, AT, secret, "10.0.0.1", NOW)


async def test_a_claim_lets_in_once_however_many_use_it_at_once(store: Store) -> None:
    await begin(store)
    claim = await sessions.claim(store, Claims("acme/anna"), 60, "host:root", NOW)

    ends = await asyncio.gather(
        *(sessions.claimed(store, claim.secret, NOW) for _ in range(5)), return_exceptions=True
    )

    (who,) = [end for end in ends if isinstance(end, Arrival)]
    assert (who.name, who.claims.user) == ("acme/anna", "acme/anna")
    assert sum(isinstance(end, LoginRefused) for end in ends) == 4


async def test_a_claim_is_good_for_its_time_and_no_longer(store: Store) -> None:
    await begin(store)
    claim = await sessions.claim(store, Claims(), 60, "host:root", NOW)

    with pytest.raises(LoginRefused):
        await sessions.claimed(store, claim.secret, NOW + 60_000)
    for ttl_s in (0, 3601):
        with pytest.raises(FieldInvalid):
            await sessions.claim(store, Claims(), ttl_s, "host:root", NOW)


async def test_an_operators_session_may_what_its_claim_says(store: Store) -> None:
    await begin(store)
    claims = Claims(role=Role.AUDITOR, at="tenant:acme")

    begun = await begin(store, replace(OPERATOR, claims=claims))

    actor, _ = await comes(store, begun)
    assert (actor.name, actor.user) == ("host:root", "")
    assert actor.grants == (Grant(Role.AUDITOR, Place("acme")),)
    assert actor.ceiling == Grant(Role.AUDITOR, Place("acme"))


async def test_a_login_on_its_way_comes_back_once(store: Store) -> None:
    await begin(store)
    login = stored.Login("state", "browser", "okta", "", NOW + 60_000)
    await stored.add_login(store, login, NOW)

    ends = await asyncio.gather(*(stored.used_login(store, "state") for _ in range(5)))

    assert [end for end in ends if end is not None] == [login]


async def begin(store: Store, who: Arrival = ANNA) -> Begun:
    if await kept.members(store, Kind.TENANT, "acme") == []:
        await store.migrate()
        await tenancy.create_tenant(store, "acme", NOW)
        await tenancy.create_user(store, "acme", "anna", NOW)
        await members.add(store, HOST, "acme/anna", "tenant:acme", Role.FINANCE, NOW)
    return await sessions.begin(store, AT, who, "10.0.0.1", NOW)


async def comes(store: Store, begun: Begun, after_s: int = 0) -> tuple[Actor, stored.Session]:
    return await sessions.actor(store, AT, begun.secret, "10.0.0.1", NOW + after_s * 1000)


async def over(
    store: Store, begun: Begun, after_s: int, by: str | None, at: Admission = AT
) -> None:
    with pytest.raises(SessionOver) as caught:
        await sessions.actor(store, at, begun.secret, "10.0.0.1", NOW + after_s * 1000)
    assert caught.value.detail == SessionOver.title
    row = await stored.session(store, begun.id)
    assert row is not None
    assert row.ended_by == by

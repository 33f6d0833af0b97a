"""Whom tokens may stand for, on every store there is: found, paid for, changed and taken back."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest
from databases import NOW, Store, holding, open_store, settling

from stores import PEPPERS
from tollhouse.control import budgets, keys, revoking, tenancy
from tollhouse.control.budgets import Grant, Scope
from tollhouse.domain.claims import Claimed
from tollhouse.domain.errors import BudgetExhausted, BudgetMissing, FieldInvalid
from tollhouse.domain.identity import Principal, Priority
from tollhouse.domain.passwords import Kept
from tollhouse.domain.snapshot import Names, Snapshot
from tollhouse.domain.tokens import TokenRefused
from tollhouse.storage import first_sight, holders, passwords, people, snapshots
from tollhouse.storage import tenancy as stored
from tollhouse.storage.tenancy import Kind

MEMBERSHIP = """
INSERT INTO memberships (id, user_id, place, role, created_at) VALUES ($1, $2, $3, $4, $5)
"""
OWNERS = ("tenant:acme", "project:acme/default", "user:acme/anna", "issuer:okta")
CLAIMED = Claimed(
    issuer="okta",
    subject="anna@example.com",
    id="t1",
    issued_at=NOW // 1000,
    until=NOW // 1000 + 600,
    tenant="acme",
    project="acme/default",
    user="acme/anna",
    models=("m",),
    only=None,
    priority=Priority.NORMAL,
    account="issuer:okta",
    rule=1,
)


@pytest.mark.req("P-21", "P-3")
async def test_a_token_is_paid_by_four_accounts_and_the_books_add_up(store: Store) -> None:
    caller = await _caller(await _furnished(store))
    await budgets.grant(store, "tenant:acme", Grant(is_granted=True, limit=100))
    hold = holding(caller.accounts, 40)

    await store.hold(hold)
    held = await _balances(store)
    await store.settle(settling(hold, 25))

    assert held == dict.fromkeys(OWNERS, (0, 40))
    assert await _balances(store) == dict.fromkeys(OWNERS, (25, 0))
    assert await budgets.verify(store) == []


@pytest.mark.req("P-20", "B-25")
async def test_users_are_made_once_so_many_in_an_hour_and_not_after_they_were_deleted(
    store: Store,
) -> None:
    await _furnished(store)

    async def made(name: str, at_ms: int = NOW) -> bool:
        at = (f"acme/{name}", "acme", "okta", 3, at_ms)
        changed, _ = await store.write(*first_sight.making(*at))
        return changed == 1

    together = await asyncio.gather(*(made("erna") for _ in range(4)))
    once = sum(together)
    both = [await made("fritz"), await made("gustav"), await made("hans")]
    later = await made("hans", NOW + first_sight.HOUR_MS)
    await holders.delete(store, Kind.USER, "acme/fritz")
    gone, again = await first_sight.gone(store), await made("fritz", NOW + 10**10)
    await tenancy.create_user(store, "acme", "fritz", NOW)

    assert (once, both, later, again) == (1, [True, True, False], True, False)
    assert (gone, await first_sight.gone(store)) == (frozenset({"acme/fritz"}), frozenset())
    owners = {each.owner for each in await budgets.listed(store)}
    assert {"user:acme/erna", "user:acme/gustav", "user:acme/hans"} <= owners


@pytest.mark.req("OP-5")
async def test_who_holds_no_other_role_than_readonly_only_reads_by_a_token(store: Store) -> None:
    await _furnished(store)
    only_reads = []
    for role, place in (("readonly", "house"), ("readonly", "tenant:acme"), ("member", "x")):
        row = (f"{role}-{place}", "acme/anna", place, role, NOW)
        await store.write((MEMBERSHIP, row))
        only_reads.append((await _caller(store)).is_readonly)

    assert only_reads == [True, True, False]


@pytest.mark.req("OP-6", "OP-10")
async def test_a_password_is_kept_renewed_and_gone_with_its_user(store: Store) -> None:
    await _furnished(store)
    old, new = Kept("old", 1), Kept("new", 2)

    await store.write(passwords.setting("acme/anna", old, NOW))
    await store.write(passwords.renewing("acme/anna", Kept("another", 1), new))
    unchanged = await passwords.account(store, "acme/anna", "tollhouse")
    await store.write(
        passwords.renewing("acme/anna", old, new), passwords.used("acme/anna", NOW + 1)
    )
    account = await passwords.account(store, "acme/anna", "tollhouse")
    (anna,) = await stored.members(store, Kind.USER, "acme")
    await holders.delete(store, Kind.USER, "acme/anna")

    assert unchanged is not None
    assert unchanged.kept == old
    assert account == passwords.Account(new, is_disabled=False, revoked_at_ms=None)
    assert (anna.password_set_at_ms, anna.last_login_at_ms) == (NOW, NOW + 1)
    assert await passwords.by_pepper(store) == {}


@pytest.mark.req("P-3", "B-25")
async def test_without_a_budget_anywhere_nothing_is_held_and_the_issuers_own_bounds_all(
    store: Store,
) -> None:
    caller = await _caller(await _furnished(store))
    with pytest.raises(BudgetMissing):
        await store.hold(holding(caller.accounts, 40))
    await budgets.grant(store, "issuer:okta", Grant(is_granted=True, limit=50))

    await store.hold(holding(caller.accounts, 40))

    with pytest.raises(BudgetExhausted) as caught:
        await store.hold(holding(caller.accounts, 40))
    assert "issuer:okta" in caught.value.detail
    assert await _balances(store) == dict.fromkeys(OWNERS, (0, 40))


async def test_an_issuers_accounts_are_opened_once_however_many_start_at_once(
    store: Store, address: str
) -> None:
    await _furnished(store)
    others = [open_store(address) for _ in range(3)]

    await asyncio.gather(
        *(people.open_accounts(each, ["issuer:okta", "issuer:okta/ci"]) for each in others)
    )

    listed = [each.owner for each in await budgets.listed(store) if each.owner[:6] == "issuer"]
    assert sorted(listed) == ["issuer:okta", "issuer:okta/ci"]
    for each in others:
        await each.close()


async def test_an_issuers_budget_may_be_narrowed_to_a_provider(store: Store) -> None:
    await _furnished(store)

    named = await budgets.narrow(store, "issuer:okta", Scope(provider="up"))

    (narrowed,) = (await _caller(store)).narrowed
    assert narrowed.provider == "up"
    assert named == "issuer:okta?provider=up"


@pytest.mark.req("P-19", "S-27")
async def test_every_change_that_decides_over_tokens_raises_the_revision(store: Store) -> None:
    await _furnished(store)
    bob = "acme/bob"
    changes: list[Callable[[], Awaitable[object]]] = [
        lambda: tenancy.create_user(store, "acme", "bob", NOW),
        lambda: stored.allow(store, bob, ["m"]),
        lambda: stored.set_disabled(store, Kind.USER, bob, is_disabled=True),
        lambda: _delete(store, bob),
        lambda: tenancy.create_tenant(store, "bolt", NOW),
        lambda: tenancy.create_project(store, "acme", "web", NOW),
        lambda: stored.set_disabled(store, Kind.PROJECT, "acme/web", is_disabled=True),
        lambda: stored.set_disabled(store, Kind.TENANT, "bolt", is_disabled=True),
        lambda: revoking.revoke(store, "okta", 60, "t1", "", NOW),
        lambda: revoking.revoke(store, "okta", 60, "", "anna", NOW),
        lambda: revoking.revoke(store, "okta", 60, "", "anna", NOW + 1),
    ]

    for number, change in enumerate(changes):
        before = await snapshots.revision(store)
        await change()
        assert await snapshots.revision(store) > before, number


@pytest.mark.req("P-19")
async def test_who_is_not_there_is_disabled_or_stands_for_a_key_is_nobody(store: Store) -> None:
    await _furnished(store)
    key = await keys.issue(store, PEPPERS, keys.Wish("acme", "web"), int(time.time() * 1000))
    virtual = f"acme/key-{key.id}"

    for user in ("acme/nobody", virtual):
        with pytest.raises(TokenRefused, match="there is no user"):
            await _caller(store, user=user)
    await stored.set_disabled(store, Kind.PROJECT, "acme/default", is_disabled=True)
    with pytest.raises(TokenRefused, match="project:acme/default is disabled"):
        await _caller(store)


@pytest.mark.req("P-19")
async def test_what_a_user_may_call_narrows_the_token(store: Store) -> None:
    await _furnished(store)
    await stored.allow(store, "acme/anna", ["other"])

    assert (await _caller(store)).models == ()


@pytest.mark.req("OP-10", "H-140")
async def test_what_is_taken_back_is_kept_until_nothing_of_it_can_be_good(store: Store) -> None:
    await _furnished(store)

    await revoking.revoke(store, "okta", 600, "t1", "", NOW)
    with pytest.raises(TokenRefused, match="taken back"):
        await _caller(store)
    await revoking.revoke(store, "other", 600, "", "anna@example.com", NOW + 700_000)

    assert [each.issuer for each in await revoking.listed(store)] == ["other"]
    assert await _caller(store)
    await revoking.revoke(store, "okta", 600, "", "anna@example.com", NOW + 700_000)
    with pytest.raises(TokenRefused, match="taken back"):
        await _caller(store)


@pytest.mark.parametrize("said", [("", ""), ("t1", "anna"), ("", "a" * 2049), ("t" * 2049, "")])
async def test_what_is_taken_back_is_one_thing(store: Store, said: tuple[str, str]) -> None:
    with pytest.raises(FieldInvalid):
        await revoking.revoke(store, "okta", 600, *said, NOW)


async def _furnished(store: Store) -> Store:
    await tenancy.create_tenant(store, "acme", NOW)
    await tenancy.create_user(store, "acme", "anna", NOW)
    await people.open_accounts(store, ["issuer:okta"])
    return store


async def _caller(store: Store, user: str = "acme/anna") -> Principal:
    snapshot = await _snapshot(store)
    return snapshot.people.principal(replace(CLAIMED, user=user))


async def _snapshot(store: Store) -> Snapshot:
    return await snapshots.load(store, Names({}), requires_price=True, takes_tokens=True)


async def _balances(store: Store) -> dict[str, tuple[int, int]]:
    listed = await budgets.listed(store)
    return {each.owner: (each.spent, each.held) for each in listed if each.owner in OWNERS}


async def _delete(store: Store, user: str) -> None:
    await holders.delete(store, Kind.USER, user)

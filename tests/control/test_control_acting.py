"""Whatever is changed is judged, done once, and written down once."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Mapping
from contextlib import nullcontext
from typing import Any

import pytest

from stores import NOW, acme_key
from tollhouse.control import acting, budgets, key_rights, keys, members, removing, tenancy
from tollhouse.control.acting import Asked, Desk
from tollhouse.control.budgets import Grant as Budget
from tollhouse.domain.errors import (
    InUse,
    LastOwner,
    NotThere,
    PreconditionFailed,
    Problem,
    RoleInsufficient,
    StoreUnavailable,
)
from tollhouse.domain.operations import OPERATIONS, Role
from tollhouse.domain.roles import HOUSE, Actor, Grant, Place
from tollhouse.domain.storing import Conflict
from tollhouse.ports import Books
from tollhouse.storage.sqlite import SqliteDatabase
from tollhouse.storage.tenancy import Kind

HOST = Actor("host:test", "host", (Grant(Role.OWNER, HOUSE),))
ACME, BOLT = Place("acme"), Place("bolt")

pytestmark = pytest.mark.req("B-12", "S-109", "P-39")


class Entered:
    """Implements Register: what was entered, in order."""

    def __init__(self) -> None:
        self.records: list[dict[str, Any]] = []

    async def enter(self, record: Mapping[str, Any]) -> None:
        self.records.append(dict(record))


def desk(store: Books) -> tuple[Desk, list[dict[str, Any]]]:
    register, numbers = Entered(), itertools.count()
    made = Desk(
        store=store, register=register, new_id=lambda: f"a{next(numbers)}", now_ms=lambda: NOW
    )
    return made, register.records


def actor(role: Role, at: Place, **more: Any) -> Actor:
    return Actor("acme/anna", "api", (Grant(role, at),), user="acme/anna", **more)


async def granting(desk: Desk, by: Actor, key: str, model: str, **asked: Any) -> None:
    async def work(store: Books) -> None:
        await key_rights.grant(store, key, [model])

    operation = OPERATIONS["keys.grant"]
    await acting.act(desk, by, operation, {"key": key}, work, Asked(**asked))


async def test_an_act_leaves_one_record_of_who_changed_what_from_what_to_what(
    sqlite: SqliteDatabase,
) -> None:
    at, records = desk(sqlite)
    key = (await acme_key(sqlite, models=("a",))).id

    await granting(at, actor(Role.ADMIN, ACME), key, "b", request_id="mine")

    (record,) = records
    assert record["kind"] == "act"
    assert (record["operation"], record["subject"]) == ("keys.grant", f"key:{key}")
    assert (record["actor"], record["role"], record["source"]) == ("acme/anna", "admin", "api")
    assert (record["request_id"], record["outcome"], record["code"]) == ("mine", "ok", None)
    assert record["changed"] == {"models": [("a",), ("a", "b")]}
    assert len(record["before"]) == len(record["after"]) == 64
    assert record["before"] != record["after"]


@pytest.mark.req("S-45")
async def test_who_may_not_changes_nothing_and_is_written_down(sqlite: SqliteDatabase) -> None:
    at, records = desk(sqlite)
    key = (await acme_key(sqlite)).id

    with pytest.raises(RoleInsufficient):
        await granting(at, actor(Role.AUDITOR, ACME), key, "b")

    assert (await keys.shown(sqlite, key)).models == ()
    (record,) = records
    assert (record["outcome"], record["code"], record["status"]) == (
        "refused",
        "role_insufficient",
        403,
    )
    assert record["subject"] == f"key:{key}"


@pytest.mark.req("S-48", "P-19")
async def test_what_lies_in_a_foreign_tenant_is_told_like_what_never_was(
    sqlite: SqliteDatabase,
) -> None:
    at, _ = desk(sqlite)
    key = (await acme_key(sqlite)).id
    told = []

    for each in (key, "000000000000"):
        with pytest.raises(NotThere) as refused:
            await granting(at, actor(Role.ADMIN, BOLT), each, "b")
        told.append(refused.value.detail)

    assert told[0] == told[1]


async def test_what_fails_is_written_down_as_that(sqlite: SqliteDatabase) -> None:
    at, records = desk(sqlite)

    async def breaks(_store: Books) -> None:
        raise RuntimeError("private words")

    with pytest.raises(RuntimeError):
        await acting.act(at, HOST, OPERATIONS["prices.set"], {"target": "a:b"}, breaks)

    (record,) = records
    assert (record["outcome"], record["code"]) == ("failed", "internal")
    assert "private words" not in str(record)


async def test_what_is_made_is_written_down_by_the_name_that_it_got(
    sqlite: SqliteDatabase,
) -> None:
    at, records = desk(sqlite)

    async def work(store: Books) -> str:
        await tenancy.create_tenant(store, "acme", NOW)
        return "acme"

    await acting.act(at, HOST, OPERATIONS["tenants.create"], {}, work)

    (record,) = records
    assert (record["subject"], record["before"]) == ("tenant:acme", None)
    assert len(record["after"]) == 64
    assert record["changed"]["tenant"] == [None, "acme"]
    assert record["request_id"] == record["act"] == "a0"


async def test_what_changes_elsewhere_than_where_it_is_judged_is_written_down_by_its_own_name(
    sqlite: SqliteDatabase,
) -> None:
    at, records = desk(sqlite)
    await acme_key(sqlite)

    async def fails(_store: Books) -> None:
        raise StoreUnavailable

    with pytest.raises(StoreUnavailable):
        await acting.act(at, HOST, OPERATIONS["tenants.forget"], {"tenant": "acme"}, fails)

    (record,) = records
    assert (record["subject"], record["outcome"]) == ("names:acme", "failed")
    assert (record["code"], record["status"]) == ("store_unavailable", 503)


async def test_an_act_that_is_cut_is_written_down_as_that(sqlite: SqliteDatabase) -> None:
    at, records = desk(sqlite)

    async def cut(_store: Books) -> None:
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await acting.act(at, HOST, OPERATIONS["prices.set"], {"target": "a:b"}, cut)

    (record,) = records
    assert (record["outcome"], record["code"]) == ("cut", "cut")


async def test_an_act_without_the_name_of_what_it_is_done_to_is_written_down_too(
    sqlite: SqliteDatabase,
) -> None:
    at, records = desk(sqlite)

    with pytest.raises(KeyError):
        await acting.act(at, actor(Role.ADMIN, ACME), OPERATIONS["keys.grant"], {}, nothing)

    (record,) = records
    assert (record["subject"], record["outcome"]) == ("key:{key}", "failed")


async def test_an_act_whose_end_cannot_be_seen_is_written_down_all_the_same(
    sqlite: SqliteDatabase,
) -> None:
    at, records = desk(sqlite)
    key = (await acme_key(sqlite)).id

    async def last(store: Books) -> None:
        await key_rights.grant(store, key, ["b"])
        await store.write(("ALTER TABLE keys RENAME TO lost", ()))

    await acting.act(at, HOST, OPERATIONS["keys.grant"], {"key": key}, last)

    (record,) = records
    assert (record["outcome"], record["after"], record["changed"]) == ("ok", None, {})


@pytest.mark.parametrize("is_first", [True, False])
async def test_a_conflict_of_its_own_is_told_as_that_and_not_as_another_s_act(
    sqlite: SqliteDatabase, is_first: bool
) -> None:
    at, records = desk(sqlite)
    key = (await acme_key(sqlite)).id

    async def work(store: Books) -> None:
        if not is_first:
            await key_rights.grant(store, key, ["b"])
        await store.write(("INSERT INTO tenants (id, created_at) VALUES ('acme', 1)", ()))

    with pytest.raises(Conflict):
        await acting.act(at, HOST, OPERATIONS["keys.grant"], {"key": key}, work)

    (record,) = records
    assert (record["outcome"], record["code"], record["status"]) == (
        "refused",
        "conflict",
        409,
    )


@pytest.mark.req("S-45", "S-52")
async def test_what_is_done_on_the_machine_alone_no_token_opens(sqlite: SqliteDatabase) -> None:
    operation = OPERATIONS["export"]

    with pytest.raises(RoleInsufficient):
        await acting.judge(sqlite, actor(Role.OWNER, HOUSE), operation, {})

    assert await acting.judge(sqlite, HOST, operation, {}) is Role.OWNER


@pytest.mark.req("S-48")
async def test_who_may_nowhere_does_not_learn_what_is_there(sqlite: SqliteDatabase) -> None:
    with pytest.raises(RoleInsufficient):
        await acting.judge(
            sqlite, actor(Role.AUDITOR, ACME), OPERATIONS["keys.grant"], {"key": "000000000000"}
        )


@pytest.mark.req("S-47")
async def test_who_runs_a_project_works_in_it_and_does_not_shut_it(sqlite: SqliteDatabase) -> None:
    await acme_key(sqlite)
    admin, project = actor(Role.ADMIN, Place("acme", "acme/default")), {"project": "acme/default"}

    role = await acting.judge(sqlite, admin, OPERATIONS["keys.create"], project)

    assert role is Role.ADMIN
    with pytest.raises(RoleInsufficient):
        await acting.judge(sqlite, admin, OPERATIONS["projects.disable"], project)


async def test_of_two_acts_on_one_state_one_is_done_and_both_are_written_down(
    sqlite: SqliteDatabase,
) -> None:
    at, records = desk(sqlite)
    key = (await acme_key(sqlite)).id
    seen = await acting.etag(sqlite, f"key:{key}")
    admin = actor(Role.ADMIN, ACME)

    ends = await asyncio.gather(
        *(granting(at, admin, key, f"m{n}", expected=seen) for n in range(5)),
        return_exceptions=True,
    )

    assert [type(end) for end in ends if end is not None] == [PreconditionFailed] * 4
    assert len((await keys.shown(sqlite, key)).models) == 1
    assert sorted(record["outcome"] for record in records) == ["ok", *["refused"] * 4]


async def test_an_etag_changes_with_the_state_even_where_no_act_changed_it(
    sqlite: SqliteDatabase,
) -> None:
    at, _ = desk(sqlite)
    key = (await acme_key(sqlite)).id
    seen = await acting.etag(sqlite, f"key:{key}")

    await key_rights.grant(sqlite, key, ["behind"])

    with pytest.raises(PreconditionFailed):
        await granting(at, HOST, key, "b", expected=seen)


@pytest.mark.req("S-47")
async def test_who_owns_a_tenant_does_not_raise_its_budget(sqlite: SqliteDatabase) -> None:
    at, _ = desk(sqlite)
    await acme_key(sqlite)
    operation, owner = OPERATIONS["budgets.set"], actor(Role.OWNER, ACME)

    async def work(store: Books) -> None:
        await budgets.grant(store, "tenant:acme", Budget(is_granted=True, limit=None))

    with pytest.raises(RoleInsufficient):
        await acting.act(at, owner, operation, {"owner": "tenant:acme"}, work)

    await acting.judge(sqlite, owner, operation, {"owner": "project:acme/default"})


@pytest.mark.req("S-46")
async def test_a_token_that_is_narrowed_opens_no_more_than_both_allow(
    sqlite: SqliteDatabase,
) -> None:
    key = (await acme_key(sqlite)).id
    grant, disable = OPERATIONS["keys.grant"], OPERATIONS["keys.disable"]
    narrowed = actor(Role.OWNER, ACME, only=("keys.disable",))
    lowered = actor(Role.OWNER, ACME, ceiling=Grant(Role.READONLY, HOUSE))

    await acting.judge(sqlite, narrowed, disable, {"key": key})
    for who, operation in ((narrowed, grant), (lowered, disable)):
        with pytest.raises(RoleInsufficient):
            await acting.judge(sqlite, who, operation, {"key": key})


@pytest.mark.req("S-46")
@pytest.mark.parametrize("gives", Role)
@pytest.mark.parametrize("has", Role)
async def test_nobody_gives_more_than_they_have(
    sqlite: SqliteDatabase, has: Role, gives: Role
) -> None:
    await tenancy.create_tenant(sqlite, "acme", NOW)
    await tenancy.create_user(sqlite, "acme", "bert", NOW)
    wider = [row.name for row in OPERATIONS.values() if gives in row.roles and has not in row.roles]

    giving = members.add(sqlite, actor(has, ACME), "acme/bert", "tenant:acme", gives, NOW)

    with pytest.raises(RoleInsufficient) if wider else nullcontext():
        await giving


async def test_the_last_owner_stays(sqlite: SqliteDatabase) -> None:
    await two_owners(sqlite)
    await members.remove(sqlite, HOST, "acme/bert", "tenant:acme")

    for work in (
        members.remove(sqlite, HOST, "acme/anna", "tenant:acme"),
        members.change(sqlite, HOST, "acme/anna", "tenant:acme", Role.ADMIN),
        tenancy.set_disabled(sqlite, Kind.USER, "acme/anna", is_disabled=True),
    ):
        with pytest.raises(LastOwner):
            await work


async def test_two_owners_who_leave_at_once_do_not_both_leave(sqlite: SqliteDatabase) -> None:
    at, _ = desk(sqlite)
    await two_owners(sqlite)

    async def leave(user: str) -> None:
        async def work(store: Books) -> None:
            await members.remove(store, HOST, user, "tenant:acme")

        operation = OPERATIONS["members.remove"]
        await acting.act(at, HOST, operation, {"at": "tenant:acme", "user": user}, work)

    ends = await asyncio.gather(leave("acme/anna"), leave("acme/bert"), return_exceptions=True)

    assert [isinstance(end, Problem) for end in ends].count(True) == 1
    assert len(await members.listed(sqlite, "tenant:acme")) == 1


async def test_who_holds_a_role_at_a_tenant_names_no_foreign_users(sqlite: SqliteDatabase) -> None:
    await two_owners(sqlite)
    await tenancy.create_tenant(sqlite, "bolt", NOW)
    await tenancy.create_user(sqlite, "bolt", "carl", NOW)

    with pytest.raises(Conflict, match="no user"):
        await members.add(
            sqlite, actor(Role.OWNER, ACME), "bolt/carl", "tenant:acme", Role.READONLY, NOW
        )


async def test_what_is_in_use_is_not_deleted_and_told_by_what(sqlite: SqliteDatabase) -> None:
    await acme_key(sqlite)

    with pytest.raises(InUse, match="held by 1 users, 1 keys"):
        await removing.delete(sqlite, Kind.TENANT, "acme")
    with pytest.raises(InUse, match="held by 1 keys"):
        await removing.delete(sqlite, Kind.PROJECT, "acme/default")


async def test_what_nothing_holds_goes_with_its_account(sqlite: SqliteDatabase) -> None:
    await tenancy.create_tenant(sqlite, "acme", NOW)
    await tenancy.create_user(sqlite, "acme", "anna", NOW)

    await removing.delete(sqlite, Kind.USER, "acme/anna")
    await removing.delete(sqlite, Kind.TENANT, "acme")

    assert await budgets.listed(sqlite) == []
    assert await tenancy.members(sqlite, Kind.PROJECT) == []


async def nothing(_store: Books) -> None:
    """An act that does nothing."""


async def two_owners(store: SqliteDatabase) -> None:
    await tenancy.create_tenant(store, "acme", NOW)
    for name in ("anna", "bert"):
        await tenancy.create_user(store, "acme", name, NOW)
        await members.add(store, HOST, f"acme/{name}", "tenant:acme", Role.OWNER, NOW)

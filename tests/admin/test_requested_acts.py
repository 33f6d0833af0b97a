"""What a request to the Admin API may see and do, and what is written down of it."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

import pytest

from stores import NOW, acme_key
from tollhouse.admin.asking import Asking, Office
from tollhouse.control import key_rights, replaying
from tollhouse.control.acting import Desk
from tollhouse.domain.errors import AlreadyDone, NotThere, RoleInsufficient
from tollhouse.domain.operations import Role
from tollhouse.domain.roles import Actor, Grant, Place
from tollhouse.ports import Books
from tollhouse.storage.sqlite import SqliteDatabase

pytestmark = pytest.mark.req("B-12", "S-45", "S-46")


class Entered:
    """Implements Register."""

    def __init__(self) -> None:
        self.records: list[Mapping[str, Any]] = []

    async def enter(self, record: Mapping[str, Any]) -> None:
        self.records.append(record)


def asking(store: SqliteDatabase, role: Role = Role.OWNER, place: str = "acme") -> Asking:
    numbers = itertools.count()
    desk = Desk(
        store=store, register=Entered(), new_id=lambda: f"a{next(numbers)}", now_ms=lambda: NOW
    )
    return Asking(
        office=Office(settings=cast(Any, None), peppers=cast(Any, None), desk=desk),
        desk=desk,
        actor=Actor("acme/anna", "api", (Grant(role, Place(place)),), user="acme/anna"),
        request_id="r",
        id="",
        body={},
        query={},
    )


def granted(key: str, model: str) -> Any:
    async def work(store: Books) -> None:
        await key_rights.grant(store, key, [model])

    return "keys.grant", {"key": key}, work


def entered(desk: Desk) -> list[Mapping[str, Any]]:
    return cast(Entered, desk.register).records


async def test_what_may_be_read_is_judged_where_it_is(sqlite: SqliteDatabase) -> None:
    key = (await acme_key(sqlite)).id

    await asking(sqlite).judge("keys.show", f"key:{key}")

    with pytest.raises(NotThere):
        await asking(sqlite, place="bolt").judge("keys.show", f"key:{key}")
    with pytest.raises(RoleInsufficient):
        await asking(sqlite, Role.MEMBER).judge("budgets.list", "tenant:acme")


async def test_an_act_that_came_under_a_key_is_done_once(sqlite: SqliteDatabase) -> None:
    key = (await acme_key(sqlite)).id
    once = replaying.once("acme/anna", "k", "POST", "/keys", b"{}")
    again = replace(asking(sqlite), once=once)

    await again.change(*granted(key, "m"))

    with pytest.raises(AlreadyDone):
        await once.replay(sqlite, NOW)
    assert [each["outcome"] for each in entered(again.desk)] == ["ok"]


async def test_an_act_without_a_key_claims_none(sqlite: SqliteDatabase) -> None:
    key = (await acme_key(sqlite)).id

    await asking(sqlite).change(*granted(key, "m"))

    assert await sqlite.read("SELECT COUNT(*) FROM replies") == [(0,)]


@pytest.mark.parametrize("has_register", [True, False])
async def test_further_acts_of_a_request_are_entered_where_those_are(
    sqlite: SqliteDatabase, *, has_register: bool
) -> None:
    key = (await acme_key(sqlite)).id
    register = Entered()
    it = asking(sqlite)
    it.office = replace(it.office, register=register if has_register else None)

    await it.further(*granted(key, "m"))

    assert [len(each) for each in (register.records, entered(it.desk))] == (
        [1, 0] if has_register else [0, 1]
    )

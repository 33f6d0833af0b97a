"""`/users`: whose keys are, what they may spend, and what they spent."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from tollhouse.admin.asking import Answer, Asking
from tollhouse.admin.otari import notes, usage
from tollhouse.admin.otari.desk import (
    PAGES,
    Step,
    Told,
    do,
    dollars,
    insist_on,
    name_of,
    page,
    tenant,
    told_moment,
    user_of,
)
from tollhouse.admin.otari.desk import accounts as accounts_of
from tollhouse.admin.resource import Resource
from tollhouse.control import granting, plans, removing, tenancy
from tollhouse.control.budgets import UNLIMITED
from tollhouse.domain.budget import Account
from tollhouse.domain.errors import NotThere
from tollhouse.domain.roles import Place
from tollhouse.ports import Books
from tollhouse.storage.tenancy import Kind, Member

NOTHING: Told = dict.fromkeys(
    ("current_requests", "current_tokens", "reserved_requests", "reserved_tokens"), 0
)
"""Limits of requests and tokens are the limiter's here, and no part of a budget."""


class NewUser(msgspec.Struct, forbid_unknown_fields=True):
    user_id: str
    alias: str | None = None
    budget_id: str | None = None
    blocked: bool | None = False
    allowed_models: list[str] | None = None
    metadata: dict[str, Any] | None = None


class OtherUser(msgspec.Struct, forbid_unknown_fields=True):
    alias: str | UnsetType | None = UNSET
    budget_id: str | UnsetType | None = UNSET
    blocked: bool | UnsetType | None = UNSET
    allowed_models: list[str] | UnsetType | None = UNSET
    metadata: dict[str, Any] | UnsetType | None = UNSET


def rows() -> Iterator[Resource]:
    yield Resource(
        name="otari_users_list",
        method="GET",
        path="/users",
        serve=_listed,
        summary="Users, and what they spent.",
        operations=("users.list",),
        query=PAGES,
    )
    yield Resource(
        name="otari_users_create",
        method="POST",
        path="/users",
        serve=_create,
        summary="A user is made.",
        operations=(
            *("users.create", "plans.give", "users.describe", "users.allow"),
            "users.disable",
        ),
        body=NewUser,
    )
    yield Resource(
        name="otari_users_show",
        method="GET",
        path="/users/{id}",
        serve=_show,
        summary="One user, and what it spent.",
        operations=("users.list",),
    )
    yield Resource(
        name="otari_users_update",
        method="PATCH",
        path="/users/{id}",
        serve=_update,
        summary="What is said of a user is changed.",
        operations=(
            *("users.describe", "plans.give", "users.allow", "users.disable", "users.enable"),
        ),
        body=OtherUser,
    )
    yield Resource(
        name="otari_users_delete",
        method="DELETE",
        path="/users/{id}",
        serve=_delete,
        summary="A user that no key holds is deleted.",
        operations=("users.delete",),
    )
    yield Resource(
        name="otari_users_usage",
        method="GET",
        path="/users/{id}/usage",
        serve=usage.of_user,
        summary="A user's calls, the newest first.",
        operations=("usage.list",),
        query=PAGES,
    )


async def make_if_missing(asking: Asking, name: str) -> None:
    """As otari does it for a key that names one."""
    people = await tenancy.members(asking.store, Kind.USER, tenant(asking))
    if not any(each.id == user_of(asking, name) for each in people):
        insist_on(asking, "plans.give", _place(asking, name))
        await asking.further(*_making(asking, name))
        await asking.further(*_giving(asking, name, None))


async def _listed(asking: Asking) -> Answer:
    people = await tenancy.members(asking.store, Kind.USER, tenant(asking))
    seen = asking.seen("users.list", people, lambda row: Place(row.tenant, "", row.id))
    accounts = await accounts_of(asking)
    return Answer([_told(row, accounts[f"user:{row.id}"]) for row in page(asking, seen)])


async def _show(asking: Asking) -> Answer:
    await asking.judge("users.list", f"user:{user_of(asking, asking.id)}")
    return await _answer(asking, asking.id)


async def _create(asking: Asking) -> Answer:
    new = asking.read(NewUser)
    wanted = OtherUser(
        alias=new.alias or UNSET,
        budget_id=new.budget_id,
        blocked=True if new.blocked else UNSET,
        allowed_models=UNSET if new.allowed_models is None else new.allowed_models,
        metadata=new.metadata or UNSET,
    )
    if new.budget_id:
        await plans.found(asking.store, new.budget_id)
    name, arguments, work = _making(asking, new.user_id)
    blank = Member("", tenant(asking), is_disabled=False, created_at_ms=0)
    steps = list(_steps(asking, new.user_id, blank, wanted))
    for step in steps:
        insist_on(asking, step.operation, _place(asking, new.user_id))
    await asking.change(name, arguments, work)
    for step in steps:
        await asking.further(step.operation, step.arguments, step.work)
    return await _answer(asking, new.user_id)


async def _update(asking: Asking) -> Answer:
    other = asking.read(OtherUser)
    row = await _row(asking, asking.id)
    await do(asking, list(_steps(asking, asking.id, row, other)))
    return await _answer(asking, asking.id)


def _steps(asking: Asking, name: str, row: Member, other: OtherUser) -> Iterator[Step]:
    user = user_of(asking, name)
    about = {"user": user}
    if not (isinstance(other.alias, UnsetType) and isinstance(other.metadata, UnsetType)):
        alias = row.alias if isinstance(other.alias, UnsetType) else other.alias
        kept = None if isinstance(other.metadata, UnsetType) else notes.written(other.metadata)
        now_ms = asking.now_ms
        yield Step(
            "users.describe",
            about,
            lambda store: tenancy.describe(store, user, alias, kept, now_ms),
        )
    if not isinstance(other.budget_id, UnsetType):
        yield Step(*_giving(asking, name, other.budget_id))
    if not isinstance(other.allowed_models, UnsetType):
        models = other.allowed_models
        yield Step("users.allow", about, lambda store: granting.allow(store, user, models))
    if isinstance(other.blocked, bool):
        is_blocked = other.blocked
        yield Step(
            "users.disable" if is_blocked else "users.enable",
            about,
            lambda store: tenancy.set_disabled(store, Kind.USER, user, is_disabled=is_blocked),
        )


def _place(asking: Asking, name: str) -> Place:
    return Place(tenant(asking), "", user_of(asking, name))


def _making(asking: Asking, name: str) -> tuple[str, dict[str, Any], Any]:
    async def work(store: Books) -> str:
        return await tenancy.create_user(store, tenant(asking), name, asking.now_ms)

    return "users.create", {"tenant": tenant(asking), "name": name}, work


def _giving(asking: Asking, name: str, budget: str | None) -> tuple[str, dict[str, Any], Any]:
    """Without a budget a user has no limit of its own, as in otari."""
    user = user_of(asking, name)

    async def work(store: Books) -> None:
        await plans.give(store, user, budget, asking.now_ms, UNLIMITED)

    return "plans.give", {"user": user}, work


async def _delete(asking: Asking) -> Answer:
    user = user_of(asking, asking.id)

    async def work(store: Books) -> None:
        await removing.delete(store, Kind.USER, user)

    await asking.change("users.delete", {"user": user}, work)
    return Answer(None, status=204)


async def _answer(asking: Asking, name: str) -> Answer:
    row = await _row(asking, name)
    return Answer(_told(row, (await accounts_of(asking))[f"user:{row.id}"]))


async def _row(asking: Asking, name: str) -> Member:
    user = user_of(asking, name)
    await asking.judge("users.list", f"user:{user}")
    people = await tenancy.members(asking.store, Kind.USER, tenant(asking))
    for each in people:
        if each.id == user:
            return each
    raise NotThere(f"User '{name[:60]}' not found")


def _told(row: Member, account: Account) -> Told:
    changed_at_ms = row.changed_at_ms or row.created_at_ms
    return {
        "user_id": name_of(row.id),
        "alias": row.alias,
        "spend": dollars(account.spent),
        "reserved": dollars(account.held),
        **NOTHING,
        "budget_id": row.plan,
        "budget_started_at": told_moment(account.started_at) if account.period else None,
        "next_budget_reset_at": told_moment(account.ends_at),
        "blocked": row.is_disabled,
        "allowed_models": None if row.models is None else list(row.models),
        "created_at": told_moment(row.created_at_ms),
        "updated_at": told_moment(changed_at_ms),
        "metadata": notes.told(row.notes),
    }

"""Tenants, projects, users, and the roles that users hold."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from tollhouse.admin import telling
from tollhouse.admin.asking import Answer, Asking
from tollhouse.admin.resource import Resource
from tollhouse.control import granting, members, removing, tenancy
from tollhouse.domain.errors import FieldInvalid, NotThere
from tollhouse.domain.operations import Role
from tollhouse.domain.roles import Place, place_of
from tollhouse.ports import Books
from tollhouse.storage import memberships
from tollhouse.storage.memberships import Membership
from tollhouse.storage.tenancy import Kind, Member


class NewTenant(msgspec.Struct, forbid_unknown_fields=True):
    tenant: str


class NewMember(msgspec.Struct, forbid_unknown_fields=True):
    tenant: str
    name: str


class Switch(msgspec.Struct, forbid_unknown_fields=True):
    is_disabled: bool


class OtherUser(msgspec.Struct, forbid_unknown_fields=True):
    """One member at a time: each is an operation of its own."""

    is_disabled: bool | msgspec.UnsetType = msgspec.UNSET
    models: list[str] | msgspec.UnsetType | None = msgspec.UNSET
    """What the user's keys may call at most; null is anything."""


class NewRole(msgspec.Struct, forbid_unknown_fields=True):
    user: str
    at: str
    role: Role


class OtherRole(msgspec.Struct, forbid_unknown_fields=True):
    role: Role


def rows() -> Iterator[Resource]:
    yield from _tenancy(Kind.TENANT)
    yield from _tenancy(Kind.PROJECT)
    yield from _tenancy(Kind.USER)
    yield Resource(
        name="members_list",
        method="GET",
        path="/members",
        serve=_members,
        summary="Who holds which role where.",
        operations=("members.list",),
        query=("at", "user"),
        is_list=True,
    )
    yield Resource(
        name="members_create",
        method="POST",
        path="/members",
        serve=_add_member,
        summary="A user is given a role.",
        operations=("members.add",),
        body=NewRole,
    )
    yield Resource(
        name="members_show",
        method="GET",
        path="/members/",
        serve=_show_member,
        summary="One membership.",
        operations=("members.list",),
    )
    yield Resource(
        name="members_update",
        method="PATCH",
        path="/members/",
        serve=_change_member,
        summary="Another role instead.",
        operations=("members.change",),
        body=OtherRole,
    )
    yield Resource(
        name="members_delete",
        method="DELETE",
        path="/members/",
        serve=_remove_member,
        summary="A role is taken away. The last owner of a place stays.",
        operations=("members.remove",),
    )


def _tenancy(kind: Kind) -> Iterator[Resource]:
    group = f"{kind}s"

    async def listed(asking: Asking) -> Answer:
        found = await tenancy.members(asking.store, kind, asking.query.get("tenant", ""))
        seen = asking.seen(f"{group}.list", found, _place)
        return asking.page(seen, lambda row: row.id, telling.member)

    def _place(row: Member) -> Place:
        return Place(
            row.tenant,
            row.id if kind is Kind.PROJECT else "",
            row.id if kind is Kind.USER else "",
        )

    async def shown(asking: Asking) -> Answer:
        await asking.judge(f"{group}.list", f"{kind}:{asking.id}")
        return await _told(asking, kind, asking.id)

    async def create(asking: Asking) -> Answer:
        made = await _create(asking, kind)
        return await _told(asking, kind, made, status=201)

    async def switch(asking: Asking) -> Answer:
        wish, member = asking.read(Switch), asking.id

        async def work(store: Books) -> None:
            await tenancy.set_disabled(store, kind, member, is_disabled=wish.is_disabled)

        name = f"{group}.{'disable' if wish.is_disabled else 'enable'}"
        await asking.change(name, {kind.value: member}, work)
        return await _told(asking, kind, member)

    async def delete(asking: Asking) -> Answer:
        member = asking.id

        async def work(store: Books) -> None:
            await removing.delete(store, kind, member)

        await asking.change(f"{group}.delete", {kind.value: member}, work)
        return Answer({"id": member, "is_deleted": True})

    yield Resource(
        name=f"{group}_list",
        method="GET",
        path=f"/{group}",
        serve=listed,
        summary=f"The {group} that you may see.",
        operations=(f"{group}.list",),
        query=() if kind is Kind.TENANT else ("tenant",),
        is_list=True,
    )
    yield Resource(
        name=f"{group}_create",
        method="POST",
        path=f"/{group}",
        serve=create,
        summary=f"A {kind} is made.",
        operations=(f"{group}.create",),
        body=NewTenant if kind is Kind.TENANT else NewMember,
    )
    yield Resource(
        name=f"{group}_show",
        method="GET",
        path=f"/{group}/",
        serve=shown,
        summary=f"One {kind}.",
        operations=(f"{group}.list",),
    )
    yield Resource(
        name=f"{group}_update",
        method="PATCH",
        path=f"/{group}/",
        serve=_update_user if kind is Kind.USER else switch,
        summary=f"A {kind} is shut out, or let in again.",
        operations=(
            *(f"{group}.disable", f"{group}.enable"),
            *(["users.allow"] if kind is Kind.USER else []),
        ),
        body=OtherUser if kind is Kind.USER else Switch,
    )
    yield Resource(
        name=f"{group}_delete",
        method="DELETE",
        path=f"/{group}/",
        serve=delete,
        summary=f"A {kind} that nothing holds is deleted.",
        operations=(f"{group}.delete",),
    )


async def _create(asking: Asking, kind: Kind) -> str:
    if kind is Kind.TENANT:
        new = asking.read(NewTenant)

        async def tenant(store: Books) -> str:
            return await tenancy.create_tenant(store, new.tenant, asking.now_ms)

        return await asking.change("tenants.create", {}, tenant)
    wish = asking.read(NewMember)
    make = tenancy.create_project if kind is Kind.PROJECT else tenancy.create_user

    async def member(store: Books) -> str:
        return await make(store, wish.tenant, wish.name, asking.now_ms)

    return await asking.change(f"{kind}s.create", {"tenant": wish.tenant}, member)


async def _update_user(asking: Asking) -> Answer:
    wish, user = asking.read(OtherUser), asking.id
    models, is_disabled = wish.models, wish.is_disabled
    if (models is msgspec.UNSET) == (is_disabled is msgspec.UNSET):
        raise FieldInvalid("Say one of is_disabled, models: each is an operation of its own.")

    async def allow(store: Books) -> None:
        await granting.allow(store, user, models if isinstance(models, list) else None)

    async def switch(store: Books) -> None:
        await tenancy.set_disabled(store, Kind.USER, user, is_disabled=is_disabled is True)

    if is_disabled is msgspec.UNSET:
        await asking.change("users.allow", {"user": user}, allow)
    else:
        name = "users.disable" if is_disabled else "users.enable"
        await asking.change(name, {"user": user}, switch)
    return await _told(asking, Kind.USER, user)


async def _told(asking: Asking, kind: Kind, member: str, status: int = 200) -> Answer:
    for row in await tenancy.members(asking.store, kind, member.partition("/")[0]):
        if row.id == member:
            return Answer(telling.member(row), f"{kind}:{member}", status=status)
    raise NotThere


async def _members(asking: Asking) -> Answer:
    at, user = asking.query.get("at", ""), asking.query.get("user", "")
    found = await members.listed(asking.store, at, user)
    seen = asking.seen("members.list", found, lambda row: place_of(row.at))
    return asking.page(seen, lambda row: row.id, telling.membership)


async def _show_member(asking: Asking) -> Answer:
    row = await _membership(asking)
    await asking.judge("members.list", row.at)
    return _answer(row)


async def _add_member(asking: Asking) -> Answer:
    wish = asking.read(NewRole)
    place_of(wish.at)

    async def work(store: Books) -> Membership:
        return await members.add(store, asking.actor, wish.user, wish.at, wish.role, asking.now_ms)

    row = await asking.change("members.add", {"at": wish.at, "user": wish.user}, work)
    return _answer(row, status=201)


async def _change_member(asking: Asking) -> Answer:
    wish, row = asking.read(OtherRole), await _membership(asking)

    async def work(store: Books) -> Membership:
        return await members.change(store, asking.actor, row.user, row.at, wish.role)

    return _answer(await asking.change("members.change", {"at": row.at}, work))


async def _remove_member(asking: Asking) -> Answer:
    row = await _membership(asking)

    async def work(store: Books) -> Membership:
        return await members.remove(store, asking.actor, row.user, row.at)

    await asking.change("members.remove", {"at": row.at}, work)
    return Answer({"id": row.id, "is_deleted": True})


def _answer(row: Membership, status: int = 200) -> Answer:
    return Answer(telling.membership(row), f"members:{row.at}", status=status)


async def _membership(asking: Asking) -> Membership:
    row = await memberships.membership(asking.store, asking.id)
    if row is None:
        raise NotThere
    return row

"""Printing tenants, projects and users, and the switch that all three have."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from tollhouse.cli.house import House, run
from tollhouse.cli.printing import print_json, table
from tollhouse.cli.times import iso, shown

if TYPE_CHECKING:
    from tollhouse.storage.tenancy import Kind, Member


def print_members(members: list[Member], what: str, *, as_json: bool) -> None:
    if as_json:
        print_json([_json(member) for member in members])
        return
    table(
        ("id", "state", "since"),
        ((member.id, _state(member), shown(member.created_at_ms)) for member in members),
        empty=f"no {what}s",
    )


def print_created(what: str, member: str, *, as_json: bool) -> None:
    if as_json:
        print_json({"id": member})
    else:
        print(f"{what} {member}")


def switch(
    context: typer.Context, kind: Kind, member: str, *, is_disabled: bool, as_json: bool
) -> None:
    from tollhouse.control import tenancy

    async def work(house: House) -> None:
        await tenancy.set_disabled(house.store, kind, member, is_disabled=is_disabled)

    run(context, work)
    if as_json:
        print_json({"id": member, "is_disabled": is_disabled})
    else:
        print(f"{kind} {member} is {'disabled' if is_disabled else 'enabled'}")


def delete(context: typer.Context, kind: Kind, member: str, *, as_json: bool) -> None:
    from tollhouse.control import removing

    run(context, lambda house: removing.delete(house.store, kind, member))
    if as_json:
        print_json({"id": member, "is_deleted": True})
    else:
        print(f"{kind} {member} is deleted")


def _json(member: Member) -> dict[str, object]:
    return {
        "id": member.id,
        "tenant": member.tenant,
        "is_disabled": member.is_disabled,
        "is_virtual": member.is_virtual,
        "models": None if member.models is None else list(member.models),
        "created_at": iso(member.created_at_ms),
        "password_set_at": None
        if member.password_set_at_ms is None
        else iso(member.password_set_at_ms),
        "last_login_at": None if member.last_login_at_ms is None else iso(member.last_login_at_ms),
    }


def _state(member: Member) -> str:
    if member.is_disabled:
        return "disabled"
    return "active, stands for a key" if member.is_virtual else "active"

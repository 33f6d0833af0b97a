"""Tenants, projects and users: made, listed, switched off and on. Each comes with its account."""

from __future__ import annotations

import re

from tollhouse.control import owners
from tollhouse.domain.errors import FieldInvalid
from tollhouse.domain.storing import Conflict
from tollhouse.ports import Database, Statement
from tollhouse.storage import budgets, tenancy
from tollhouse.storage.tenancy import Kind, Member

DEFAULT_PROJECT = "default"
LONGEST_ALIAS = 200

_TENANT = re.compile(r"[a-z0-9][a-z0-9-]{0,38}")
_NAME = re.compile(r"[a-z0-9][a-z0-9._@-]{0,62}")


def is_user(name: str) -> bool:
    """Whether one could be called so."""
    tenant, _, rest = name.partition("/")
    return bool(_TENANT.fullmatch(tenant) and _NAME.fullmatch(rest))


async def create_tenant(database: Database, slug: str, now_ms: int) -> str:
    """The tenant and its project `default`, each with an account; the tenant's id."""
    if not _TENANT.fullmatch(slug):
        raise FieldInvalid(
            f"A tenant is named with 1 to 39 of a-z, 0-9 and -, not {slug[:60]!r}.", param="tenant"
        )
    project = f"{slug}/{DEFAULT_PROJECT}"
    await _create(
        database,
        slug,
        tenancy.adding_tenant(slug, now_ms),
        budgets.opening(f"{Kind.TENANT}:{slug}"),
        tenancy.adding_project(project, slug, now_ms),
        budgets.opening(f"{Kind.PROJECT}:{project}"),
    )
    return slug


async def create_project(database: Database, tenant: str, name: str, now_ms: int) -> str:
    project = await _new_id(database, tenant, name)
    adding = tenancy.adding_project(project, tenant, now_ms)
    await _create(database, project, adding, budgets.opening(f"{Kind.PROJECT}:{project}"))
    return project


async def create_user(database: Database, tenant: str, name: str, now_ms: int) -> str:
    """Who was deleted and is made anew has the account of before: nothing that was spent is forgotten."""
    user = await _new_id(database, tenant, name)
    adding = tenancy.adding_user(user, tenant, now_ms)
    await _create(database, user, adding, budgets.reopening(f"{Kind.USER}:{user}"))
    return user


async def members(database: Database, kind: Kind, tenant: str = "") -> list[Member]:
    return await tenancy.members(database, kind, tenant)


async def set_disabled(database: Database, kind: Kind, member: str, *, is_disabled: bool) -> None:
    """Takes effect for every key beneath as soon as the snapshot is rebuilt. Raises LastOwner."""
    if kind is Kind.USER and is_disabled:
        await owners.insist_on_others(database, member)
    if not await tenancy.set_disabled(database, kind, member, is_disabled=is_disabled):
        raise Conflict(f"there is no {kind} {member!r}")


async def describe(
    database: Database, user: str, alias: str | None, notes: str | None, now_ms: int
) -> None:
    """What people call a user, and what is kept beside it; None leaves these notes as they are."""
    if alias is not None and (not alias.isprintable() or len(alias) > LONGEST_ALIAS):
        raise FieldInvalid(
            f"An alias has up to {LONGEST_ALIAS} printable characters.", param="alias"
        )
    if not await tenancy.describe(database, user, alias, notes, now_ms):
        raise Conflict(f"there is no user {user[:100]!r}")


async def _new_id(database: Database, tenant: str, name: str) -> str:
    if not _NAME.fullmatch(name):
        raise FieldInvalid(
            f"A name has 1 to 63 of a-z, 0-9 and . _ @ -, not {name[:80]!r}.", param="name"
        )
    if not any(member.id == tenant for member in await members(database, Kind.TENANT, tenant)):
        raise Conflict(f"there is no tenant {tenant!r}")
    return f"{tenant}/{name}"


async def _create(database: Database, name: str, *statements: Statement) -> None:
    try:
        await database.write(*statements)
    except Conflict as error:
        raise Conflict(f"{name!r} is there already") from error

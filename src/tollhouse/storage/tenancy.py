"""Tenants, their projects and their users. An id says whose it is: `acme`, `acme/default`, `acme/anna`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from tollhouse.ports import Database, Row, Statement


class Kind(StrEnum):
    """What a tenancy is made of. The value is also the first half of the account's owner."""

    TENANT = "tenant"
    PROJECT = "project"
    USER = "user"


@dataclass(frozen=True, slots=True)
class Member:
    """A tenant, or a project or user of one. A virtual user stands for a key that nobody owns."""

    id: str
    tenant: str
    is_disabled: bool
    created_at_ms: int
    is_virtual: bool = False
    models: tuple[str, ...] | None = None
    """What the keys of a user may be granted at most; None is anything."""

    plan: str | None = None
    """Whose budget a user has."""

    alias: str | None = None
    notes: str = "{}"
    """What is kept beside a user, as JSON. Nothing is decided on it."""

    changed_at_ms: int | None = None
    password_set_at_ms: int | None = None
    last_login_at_ms: int | None = None
    """By that password."""


_LIST = {
    Kind.TENANT: """
        SELECT id, id, is_disabled, created_at, 0, NULL, NULL, NULL, '{}', NULL, NULL, NULL FROM tenants
        WHERE $1 IN ('', id) ORDER BY id""",
    Kind.PROJECT: """
        SELECT id, tenant, is_disabled, created_at, 0, NULL, NULL, NULL, '{}', NULL, NULL, NULL FROM projects
        WHERE $1 IN ('', tenant) ORDER BY id""",
    Kind.USER: """
        SELECT id, tenant, is_disabled, created_at, is_virtual, models, plan, alias, notes, changed_at, set_at, used_at
        FROM users LEFT JOIN passwords ON user_id = id
        WHERE $1 IN ('', tenant) ORDER BY id""",
}
_DISABLE = {
    Kind.TENANT: "UPDATE tenants SET is_disabled = $1 WHERE id = $2",
    Kind.PROJECT: "UPDATE projects SET is_disabled = $1 WHERE id = $2",
    Kind.USER: "UPDATE users SET is_disabled = $1 WHERE id = $2",
}

_ALLOW = "UPDATE users SET models = $1 WHERE id = $2"
_DESCRIBE = (
    "UPDATE users SET alias = $1, notes = COALESCE($2, notes), changed_at = $3 WHERE id = $4"
)


def adding_tenant(tenant: str, now_ms: int) -> Statement:
    return "INSERT INTO tenants (id, created_at) VALUES ($1, $2)", (tenant, now_ms)


def adding_project(project: str, tenant: str, now_ms: int) -> Statement:
    return (
        "INSERT INTO projects (id, tenant, created_at) VALUES ($1, $2, $3)",
        (project, tenant, now_ms),
    )


def adding_user(user: str, tenant: str, now_ms: int, *, is_virtual: bool = False) -> Statement:
    return (
        "INSERT INTO users (id, tenant, is_virtual, created_at) VALUES ($1, $2, $3, $4)",
        (user, tenant, int(is_virtual), now_ms),
    )


async def members(database: Database, kind: Kind, tenant: str = "") -> list[Member]:
    """All of a kind, of one tenant or of all."""
    return [_member(row) for row in await database.read(_LIST[kind], tenant)]


async def set_disabled(database: Database, kind: Kind, member: str, *, is_disabled: bool) -> bool:
    """False when there is no such member."""
    (changed,) = await database.write((_DISABLE[kind], (int(is_disabled), member)))
    return changed == 1


async def allow(database: Database, user: str, models: Sequence[str] | None) -> bool:
    """False when there is no such user."""
    listed = None if models is None else json.dumps(list(models))
    (changed,) = await database.write((_ALLOW, (listed, user)))
    return changed == 1


async def describe(
    database: Database, user: str, alias: str | None, notes: str | None, now_ms: int
) -> bool:
    """False when there is no such user."""
    (changed,) = await database.write((_DESCRIBE, (alias, notes, now_ms, user)))
    return changed == 1


def _member(row: Row) -> Member:
    member, tenant, is_disabled, created_at, is_virtual, models, *told = row
    allowed = None if models is None else tuple(json.loads(models))
    return Member(member, tenant, bool(is_disabled), created_at, bool(is_virtual), allowed, *told)

"""What holds a tenant, a project or a user, and their deletion where nothing does."""

from __future__ import annotations

from tollhouse.ports import Database, Statement
from tollhouse.storage.tenancy import Kind

DEFAULT_PROJECT = "default"

_HOLDERS = {
    Kind.TENANT: {
        "projects": "SELECT COUNT(*) FROM projects WHERE tenant = $1 AND id <> $1 || '/default'",
        "users": "SELECT COUNT(*) FROM users WHERE tenant = $1",
        "keys": "SELECT COUNT(*) FROM keys WHERE tenant = $1",
        "plans": "SELECT COUNT(*) FROM plans WHERE tenant = $1",
        "names of models": "SELECT COUNT(*) FROM views WHERE tenant = $1",
        "roles": "SELECT COUNT(*) FROM memberships WHERE place IN ('tenant:' || $1, 'project:' || $1 || '/default')",
    },
    Kind.PROJECT: {
        "keys": "SELECT COUNT(*) FROM keys WHERE project = $1",
        "files": "SELECT COUNT(*) FROM files WHERE project = $1",
        "batches": "SELECT COUNT(*) FROM batches WHERE project = $1",
        "roles": "SELECT COUNT(*) FROM memberships WHERE place = 'project:' || $1",
    },
    Kind.USER: {
        "keys": "SELECT COUNT(*) FROM keys WHERE user_id = $1",
        "roles": "SELECT COUNT(*) FROM memberships WHERE user_id = $1",
    },
}
_ACCOUNT = "DELETE FROM accounts WHERE owner = $1 AND spent = 0 AND held = 0"
_DELETE = {
    Kind.TENANT: "DELETE FROM tenants WHERE id = $1",
    Kind.PROJECT: "DELETE FROM projects WHERE id = $1",
    Kind.USER: "DELETE FROM users WHERE id = $1",
}


async def holders(database: Database, kind: Kind, member: str) -> dict[str, int]:
    """How many of what still hold it; empty when nothing does."""
    found: dict[str, int] = {}
    for what, sql in _HOLDERS[kind].items():
        ((count,),) = await database.read(sql, member)
        if count:
            found[what] = int(count)
    return found


async def delete(database: Database, kind: Kind, member: str) -> bool:
    """False when there is none. Raises Conflict when a row came to refer to it."""
    inner: list[Statement] = []
    if kind is Kind.TENANT:
        project = f"{member}/{DEFAULT_PROJECT}"
        inner = [(_DELETE[Kind.PROJECT], (project,)), (_ACCOUNT, (f"project:{project}",))]
    changed = await database.write(
        *inner, (_ACCOUNT, (f"{kind}:{member}",)), (_DELETE[kind], (member,))
    )
    return changed[-1] == 1

"""What tenants call models by: names of their own, and names that they do not see."""

from __future__ import annotations

from collections import defaultdict

from tollhouse.domain.snapshot import View
from tollhouse.ports import Database

_SET = """
INSERT INTO views (tenant, name, model) VALUES ($1, $2, $3)
ON CONFLICT (tenant, name) DO UPDATE SET model = excluded.model
"""
_FORGET = "DELETE FROM views WHERE tenant = $1 AND name = $2"
_LIST = "SELECT tenant, name, model FROM views ORDER BY tenant, name"


async def put(database: Database, tenant: str, name: str, model: str | None) -> None:
    """Without a model, the name is hidden."""
    await database.write((_SET, (tenant, name, model)))


async def forget(database: Database, tenant: str, name: str) -> bool:
    """False when nothing was said of it."""
    (changed,) = await database.write((_FORGET, (tenant, name)))
    return changed == 1


async def views(database: Database) -> dict[str, View]:
    named: dict[str, dict[str, str]] = defaultdict(dict)
    hidden: dict[str, list[str]] = defaultdict(list)
    for tenant, name, model in await database.read(_LIST):
        if model is None:
            hidden[tenant].append(name)
        else:
            named[tenant][name] = model
    tenants = named.keys() | hidden.keys()
    return {tenant: View(named[tenant], tuple(hidden[tenant])) for tenant in tenants}

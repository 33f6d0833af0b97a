"""What binds some keys beside their four accounts: narrowed budgets, none at all, whom a body may name, where from
they may be used and what for."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from tollhouse.data import zones
from tollhouse.domain import hours
from tollhouse.domain.bounds import bounds
from tollhouse.domain.hours import Hours
from tollhouse.domain.identity import KeyRecord, Naming, Narrowing, Principal
from tollhouse.ports import Database, Statement
from tollhouse.storage import budgets

_BOUND = """
SELECT id, is_exempt, foreign_users, conversation_limit, networks, purposes, certificates, proof_key, hours
FROM keys
WHERE is_exempt > 0 OR foreign_users IS NOT NULL OR conversation_limit IS NOT NULL OR networks IS NOT NULL
    OR purposes IS NOT NULL OR certificates IS NOT NULL OR proof_key IS NOT NULL
    OR hours IS NOT NULL
"""
_NARROWED = "SELECT owner, account, provider, model FROM narrowings ORDER BY account"
_USERS = "SELECT id FROM users"
_NARROW = """
INSERT INTO narrowings (account, owner, provider, model) SELECT id, $1, $2, $3 FROM accounts WHERE owner = $4
"""
_EXEMPT = "UPDATE keys SET is_exempt = $1 WHERE id = $2"
_CEILING = "UPDATE keys SET conversation_limit = $1 WHERE id = $2"
_NAMING = "UPDATE keys SET foreign_users = $1 WHERE id = $2"

NOTHING = (0, None, None, None, None, None, None, None)
Narrowings = Mapping[str, list[Narrowing]]


async def bound(
    database: Database, keys: Mapping[str, KeyRecord], naming: Naming
) -> dict[str, KeyRecord]:
    """The same keys, with what holds for them; `naming` is that of those that have none of their own."""
    rows = await database.read(_BOUND)
    bindings: dict[str, Sequence[Any]] = {key: own for key, *own in rows}
    narrowed = await narrowings(database)
    if not bindings and not narrowed and naming is Naming.KNOWN:
        return dict(keys)
    return {
        key: replace(
            record,
            principal=_bound(record.principal, bindings.get(key, NOTHING), naming, narrowed),
        )
        for key, record in keys.items()
    }


async def narrowings(database: Database) -> Narrowings:
    """By the owner of the accounts beside which they stand."""
    found: defaultdict[str, list[Narrowing]] = defaultdict(list)
    for owner, account, provider, model in await database.read(_NARROWED):
        found[owner].append(Narrowing(account, provider, model))
    return found


async def users(database: Database) -> frozenset[str]:
    return frozenset([user for (user,) in await database.read(_USERS)])


def narrowing(owner: str, *, provider: str = "", model: str = "") -> list[Statement]:
    """A further account of an owner; `narrowed_owner` is how it is called."""
    named = narrowed_owner(owner, provider=provider, model=model)
    return [budgets.opening(named), (_NARROW, (owner, provider, model, named))]


def narrowed_owner(owner: str, *, provider: str = "", model: str = "") -> str:
    return f"{owner}?provider={provider}" if provider else f"{owner}?model={model}"


async def set_exempt(database: Database, key: str, *, is_exempt: bool) -> None:
    await database.write((_EXEMPT, (int(is_exempt), key)))


async def set_naming(database: Database, key: str, naming: Naming | None) -> None:
    await database.write((_NAMING, (naming and naming.value, key)))


async def set_ceiling(database: Database, key: str, limit: int | None) -> None:
    await database.write((_CEILING, (limit, key)))


def _bound(
    caller: Principal, own: Sequence[Any], naming: Naming, narrowed: Narrowings
) -> Principal:
    is_exempt, foreign_users, ceiling, *bound, proof_key, when = own
    networks, purposes, certificates = (json.loads(each or "[]") for each in bound)
    owners = (
        *(f"tenant:{caller.tenant}", f"project:{caller.project}"),
        *(f"user:{caller.user}", f"key:{caller.key}"),
    )
    further = tuple([each for owner in owners for each in narrowed.get(owner, ())])
    tenant, project, user, key = caller.accounts
    return replace(
        caller,
        accounts=(-tenant, -project, -user, -key) if is_exempt else caller.accounts,
        naming=Naming(foreign_users) if foreign_users else naming,
        narrowed=() if is_exempt else further,
        conversation_limit=None if is_exempt else ceiling,
        bounds=bounds(networks, purposes, certificates, proof_key or "", _hours(when)),
    )


def _hours(text: str | None) -> Hours | None:
    return hours.read(text, zones.clock_of) if text else None

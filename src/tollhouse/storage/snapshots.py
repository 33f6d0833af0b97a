"""From the rows to the snapshot that requests are decided on."""

from __future__ import annotations

import json
from collections.abc import Iterable
from math import inf

from tollhouse.domain import access
from tollhouse.domain.credentials import Digest
from tollhouse.domain.identity import BY_KEY, KeyRecord, Naming, Principal, Priority, proof
from tollhouse.domain.limiting import Defaults, Rules
from tollhouse.domain.people import NOBODY
from tollhouse.domain.snapshot import DatedPrice, Names, Snapshot
from tollhouse.ports import Database, Row
from tollhouse.storage import bindings, people, prices, views
from tollhouse.storage import limits as subjects
from tollhouse.storage.keys import imported
from tollhouse.storage.prices import PriceRow

MS_PER_S = 1000
NO_DEFAULTS = Defaults()

_REVISION = "SELECT value FROM control WHERE name = 'revision'"
_KEYS = """
SELECT k.id, k.tenant, k.project, k.user_id, ta.id, pa.id, ua.id, ka.id, k.models,
    k.pepper, k.digest, k.previous_pepper, k.previous_digest, k.previous_until, k.expires_at,
    CASE WHEN k.is_disabled + t.is_disabled + p.is_disabled + u.is_disabled > 0 THEN 1 ELSE 0 END, k.priority,
    u.models
FROM keys AS k JOIN tenants AS t ON t.id = k.tenant JOIN projects AS p ON p.id = k.project
    JOIN users AS u ON u.id = k.user_id
    JOIN accounts AS ta ON ta.owner = 'tenant:' || k.tenant
    JOIN accounts AS pa ON pa.owner = 'project:' || k.project
    JOIN accounts AS ua ON ua.owner = 'user:' || k.user_id
    JOIN accounts AS ka ON ka.owner = 'key:' || k.id
"""


async def revision(database: Database) -> int:
    """Rises whenever something changes that a request is decided on."""
    ((value,),) = await database.read(_REVISION)
    return int(value)


async def load(
    database: Database,
    names: Names,
    *,
    requires_price: bool,
    limits: Defaults = NO_DEFAULTS,
    naming: Naming = Naming.KNOWN,
    takes_tokens: bool = False,
) -> Snapshot:
    """The revision is read first: what changes while the rest is read shows as a newer one."""
    number = await revision(database)
    rules = Rules(limits, await subjects.limits(database))
    keys = {row[0]: _key(row, rules) for row in await database.read(_KEYS)}
    keys = await bindings.bound(database, keys, naming)
    rows = await prices.rows(database)
    everybodys = _by_model(row for row in rows if not row.tenant)
    own = {
        tenant: _by_model(row for row in rows if row.tenant == tenant)
        for tenant in {row.tenant for row in rows if row.tenant}
    }
    seen, users = await views.views(database), await bindings.users(database)
    known = await people.people(database, rules, naming) if takes_tokens else NOBODY
    foreign = await imported(database)
    return Snapshot(
        *(number, keys, names, everybodys, requires_price, seen, users, own, known, foreign)
    )


def _key(row: Row, rules: Rules) -> KeyRecord:
    key, tenant, project, user, *rest = row
    (
        pepper,
        digest,
        previous_pepper,
        previous_digest,
        until,
        expires,
        is_disabled,
        priority,
        most,
    ) = rest[5:]
    models = tuple(json.loads(rest[4]))
    if most is not None:
        models = access.narrowed(models, json.loads(most))
    limits = rules.of_key(key, user, project, tenant)
    accounts = _four(rest[:4])
    ends_at = _seconds(expires)
    principal = Principal(
        *(key, tenant, project, user, accounts, models, Priority(priority), limits),
        proof=BY_KEY if ends_at is None else proof(BY_KEY.by, ends_at),
    )
    return KeyRecord(
        principal,
        Digest(pepper, bytes.fromhex(digest)),
        previous=_digest(previous_pepper, previous_digest),
        previous_until=_seconds(until),
        expires_at=ends_at,
        is_disabled=bool(is_disabled),
    )


def _four(accounts: list[int]) -> tuple[int, int, int, int]:
    tenant, project, user, key = accounts
    return tenant, project, user, key


def _digest(pepper: int | None, value: str | None) -> Digest | None:
    return Digest(pepper, bytes.fromhex(value)) if pepper is not None and value else None


def _seconds(ms: int | None) -> float | None:
    return None if ms is None else ms / MS_PER_S


def _by_model(rows: Iterable[PriceRow]) -> dict[str, tuple[DatedPrice, ...]]:
    prices: dict[str, tuple[DatedPrice, ...]] = {}
    for row in rows:
        until = inf if row.effective_to_ms is None else row.effective_to_ms / MS_PER_S
        dated = DatedPrice(row.effective_at_ms / MS_PER_S, row.price(row.id), until)
        prices[row.model] = (*prices.get(row.model, ()), dated)
    return prices

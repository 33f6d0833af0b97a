"""What the store says, read once for all checks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from tollhouse.config import Settings
from tollhouse.control import auditing, budgets, catalogue, keys, sweeping, usage
from tollhouse.control import secrets as kept
from tollhouse.control.secrets import Kept
from tollhouse.domain.budget import Account
from tollhouse.domain.snapshot import Snapshot
from tollhouse.ports import Database
from tollhouse.sinks.keys import KeyUnusable
from tollhouse.storage import heads, people, snapshots
from tollhouse.storage.budgets import Difference
from tollhouse.storage.calls import Call
from tollhouse.storage.keys import KeyRow
from tollhouse.storage.owners import Owner

_NEWEST = "SELECT COALESCE(MAX(created_at), 0) FROM calls"
_POSTGRES = """
SELECT CAST(current_setting('max_connections') AS BIGINT),
    CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)
"""


@dataclass(frozen=True, slots=True)
class Books:
    keys: tuple[KeyRow, ...]
    """Those that let somebody in."""

    accounts: dict[str, Account]
    open_calls: tuple[Call, ...]
    differences: tuple[Difference, ...]
    gateways: tuple[Owner, ...]
    """Processes whose lease runs."""

    snapshot: Snapshot
    audit_faults: tuple[str, ...]
    newest_ms: int
    """The latest moment that anything in the store bears."""

    secrets: tuple[Kept, ...] = ()
    revoked: Mapping[str, int] = field(default_factory=dict)
    """How many tokens and subjects of each issuer were taken back."""

    most_connections: int | None = None
    database_ms: int | None = None
    """What PostgreSQL grants, and what its clock says."""


async def read(settings: Settings, database: Database, now_ms: int) -> Books:
    """Raises StoreUnavailable."""
    rows = await keys.listed(database)
    anchored = await heads.heads(database)
    ((newest_call_ms,),) = await database.read(_NEWEST)
    gateways = await sweeping.living(database, now_ms)
    begun = [gateway.started_at_ms for gateway in gateways]
    connections, clock_ms = None, None
    if not settings.store.is_sqlite:
        ((connections, clock_ms),) = await database.read(_POSTGRES)
    wrap = kept.wrapping(settings) if settings.vault.keys else None
    return Books(
        keys=tuple(row for row in rows if keys.state(row, now_ms) == "active"),
        accounts={account.owner: account for account in await budgets.listed(database)},
        open_calls=tuple(await usage.open_calls(database)),
        differences=tuple(await budgets.verify(database)),
        gateways=tuple(gateways),
        snapshot=await snapshots.load(database, catalogue.names(settings), requires_price=True),
        audit_faults=await _audit_faults(settings, database),
        newest_ms=max([newest_call_ms, *begun, *(head.at_ms for head in anchored)]),
        secrets=tuple(await kept.listed(database, wrap)),
        revoked=Counter(each.issuer for each in await people.revocations(database)),
        most_connections=connections,
        database_ms=clock_ms,
    )


async def _audit_faults(settings: Settings, database: Database) -> tuple[str, ...]:
    directory = auditing.directory(settings)
    anchored = await auditing.anchored(database, directory)
    try:
        verdict = auditing.verify(directory, auditing.public_keys(settings), anchored)
    except (KeyUnusable, OSError) as error:
        return (str(error),)
    return tuple(finding.says for finding in verdict.findings if finding.is_fault)

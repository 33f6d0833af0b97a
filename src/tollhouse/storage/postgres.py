"""Many gateways, one ledger: what arrives together at each goes to PostgreSQL as one call.

A batch is decided by a function in the database, in one transaction with `synchronous_commit`
on: when `hold` returns, the hold survives a power cut. No lock outlives that call.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from typing import Any

import msgspec

from tollhouse.domain import budget
from tollhouse.domain.budget import Account, Hold, Settlement
from tollhouse.domain.errors import BudgetMissing
from tollhouse.domain.storing import SchemaTooNew, SchemaTooOld
from tollhouse.ports import Row, Statement, Value
from tollhouse.storage import budgets
from tollhouse.storage.batching import Batching
from tollhouse.storage.migrations import migrations
from tollhouse.storage.postgres_changes import Changes
from tollhouse.storage.postgres_connections import BY_KEY, STATEMENT_S, Connections, connect

MIGRATE_S = 600.0
MIGRATE_LOCK = 0x746F6C6C  # "toll"

COUNTS = ("INSERT", "UPDATE", "DELETE")

Verdicts = dict[str, tuple[str, list[Any]]]

_BATCH = "SELECT * FROM ledger_batch($1::jsonb, $2::jsonb)"
_DUE = budgets.COLUMNS + "WHERE id = ANY($1::bigint[]) AND period_end <= $2 ORDER BY id"
_ROLL = "SELECT ledger_roll($1, $2, $3, $4, $5)"
_HAS_MIGRATIONS = "SELECT to_regclass(format('%I.migrations', current_schema()))"
_MIGRATIONS = (
    "CREATE TABLE IF NOT EXISTS migrations (version bigint PRIMARY KEY, name text NOT NULL)"
)


class PostgresDatabase:
    """Implements Database and Ledger, in the schema that the connection's search path begins with."""

    def __init__(
        self, dsn: str, password: str | None, pool: int, *, deadline_s: float = STATEMENT_S
    ) -> None:
        self._connections = Connections(dsn, password, pool, deadline_s=deadline_s)
        self._ledger = Connections(dsn, password, 1, deadline_s=deadline_s, planning=BY_KEY)
        self._operations: Batching[Hold | Settlement] = Batching(
            self._run_batch, name=lambda operation: operation.call
        )
        self._changes = Changes(lambda: connect(dsn, password, deadline_s), deadline_s=deadline_s)

    async def read(self, sql: str, *values: Value) -> list[Row]:
        async with self._connections.one() as connection:
            return [tuple(row) for row in await connection.fetch(sql, *values)]

    async def write(self, *statements: Statement) -> list[int]:
        async with self._connections.transaction() as connection:
            return [_changed(await connection.execute(sql, *values)) for sql, values in statements]

    def hold(self, hold: Hold, beside: Sequence[Statement] = ()) -> Awaitable[None]:
        if beside:
            return self._hold_with(hold, beside)
        return self._operations.add(hold)

    def settle(self, settlement: Settlement) -> asyncio.Future[bool]:
        return self._operations.add(settlement)

    async def changed(self) -> None:
        """Return when what requests are decided on has changed, here or at another gateway."""
        await self._changes.next()

    async def migrate(self, *, apply: bool = True) -> list[str]:
        """Bring the schema up to date, all steps or none; the names of the steps taken."""
        async with self._connections.transaction(deadline_s=MIGRATE_S) as connection:
            await connection.execute("SET LOCAL statement_timeout = 0")
            await connection.execute("SELECT pg_advisory_xact_lock($1)", MIGRATE_LOCK)
            return await _migrate(connection, apply=apply)

    async def close(self) -> None:
        await self._operations.close()
        self._changes.close()
        self._ledger.close()
        self._connections.close()

    async def _run_batch(self, batch: Sequence[Hold | Settlement]) -> list[Any]:
        """For each in turn: whether a settlement counted, or why a hold was refused."""
        holds = [operation for operation in batch if isinstance(operation, Hold)]
        settlements = [operation for operation in batch if isinstance(operation, Settlement)]
        async with self._ledger.one() as connection:
            verdicts = await _verdicts(connection, settlements, holds)
        return [_result(operation, *_verdict(verdicts, operation)) for operation in batch]

    async def _hold_with(self, hold: Hold, beside: Sequence[Statement]) -> None:
        """In a transaction of its own: what stands beside it first, since that is what another may have."""
        async with self._connections.one() as connection:
            await connection.execute("BEGIN")
            for sql, values in beside:
                await connection.execute(sql, *values)
            verdicts = await _verdicts(connection, [], [hold])
            refusal = _result(hold, *_verdict(verdicts, hold))
            await connection.execute("COMMIT" if refusal is None else "ROLLBACK")
        if refusal is not None:
            raise refusal


async def _verdicts(
    connection: Any, settlements: Sequence[Settlement], holds: Sequence[Hold]
) -> Verdicts:
    told = await connection.fetch(_BATCH, _json(settlements), _json(holds))
    verdicts = {call: (verdict, account) for call, verdict, *account in told}
    while due := [hold for hold in holds if _verdict(verdicts, hold)[0] == "due"]:
        await _roll(connection, due[0])
        told = await connection.fetch(_BATCH, "[]", _json(due))
        for hold in due:
            del verdicts[hold.call]
        verdicts |= {call: (verdict, account) for call, verdict, *account in told}
    return verdicts


def _verdict(verdicts: Verdicts, operation: Hold | Settlement) -> tuple[str, list[Any]]:
    return verdicts.get(operation.call, ("", []))


async def _roll(connection: Any, hold: Hold) -> None:
    """Start anew what is due for this hold. Somebody else may have done so: then nothing happens."""
    for row in await connection.fetch(_DUE, list(hold.accounts), hold.created_at_ms):
        account = budgets.account_of(row)
        over = budget.roll(account, hold.created_at_ms)
        if over is not None:
            window = (account.started_at, account.ends_at)
            await connection.execute(_ROLL, over.account, over.ended_at, *window, over.rolled_at)


def _json(operations: Sequence[Hold | Settlement]) -> str:
    return msgspec.json.encode(operations).decode()


def _result(operation: Hold | Settlement, verdict: str, account: list[Any]) -> Any:
    if isinstance(operation, Settlement):
        return verdict == "counted"
    if verdict == "missing":
        return _missing(operation.amount)
    if verdict == "exhausted":
        number, owner, limit, spent, held, ends_at = account
        refused = Account(
            number, owner, has_budget=True, limit=limit, spent=spent, held=held, ends_at=ends_at
        )
        return budget.exhausted(refused, operation.amount, operation.created_at_ms)
    return None


def _missing(amount: int) -> BudgetMissing | None:
    try:
        budget.check((), amount, 0)
    except BudgetMissing as refusal:
        return refusal
    return None


def _changed(status: str) -> int:
    """The rows that a statement changed, from its command tag: `INSERT 0 1`, `UPDATE 3`."""
    command, *_, count = status.split()
    return int(count) if command in COUNTS else 0


async def _migrate(connection: Any, *, apply: bool) -> list[str]:
    done = await _versions(connection)
    known = migrations("postgres")
    if done - {migration.version for migration in known}:
        raise SchemaTooNew("the database was written by a newer version of Tollhouse: run that one")
    missing = [migration for migration in known if migration.version not in done]
    if missing and not apply:
        raise SchemaTooOld("the database needs `tollhouse migrate` first")
    if missing:
        await connection.execute(_MIGRATIONS)
    for migration in missing:
        await connection.execute(migration.sql)
        await connection.execute(
            "INSERT INTO migrations VALUES ($1, $2)", migration.version, migration.name
        )
    return [migration.name for migration in missing]


async def _versions(connection: Any) -> set[int]:
    """What was applied. Only looks: whoever may not create tables can still ask."""
    if await connection.fetchval(_HAS_MIGRATIONS) is None:
        return set()
    return {version for (version,) in await connection.fetch("SELECT version FROM migrations")}

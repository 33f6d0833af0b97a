"""Accounts: who owns them, what limit they have, and whether they agree with the calls."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tollhouse.domain.budget import Account
from tollhouse.ports import Database, Row, Statement

_ALL = "SELECT id, owner, has_budget, limit_nanos, spent, held FROM accounts ORDER BY owner"
_ONE = "SELECT id, owner, has_budget, limit_nanos, spent, held FROM accounts WHERE owner = $1"
_FOUR = """
SELECT id, owner, has_budget, limit_nanos, spent, held FROM accounts
WHERE id IN ($1, $2, $3, $4) ORDER BY id
"""
_SET = "UPDATE accounts SET has_budget = $1, limit_nanos = $2 WHERE owner = $3"

# One statement, so that balances and calls are seen at the same moment.
_DIFFERING = """
SELECT a.owner, a.spent, a.held, CAST(COALESCE(c.spent, 0) AS BIGINT), CAST(COALESCE(c.held, 0) AS BIGINT)
FROM accounts AS a LEFT JOIN (
    SELECT account, SUM(CASE WHEN state = 'settled' THEN owed ELSE 0 END) AS spent,
        SUM(CASE WHEN state = 'settled' THEN 0 ELSE held END) AS held
    FROM (
        SELECT tenant_account AS account, state, owed, held FROM calls
        UNION ALL SELECT project_account, state, owed, held FROM calls
        UNION ALL SELECT user_account, state, owed, held FROM calls
        UNION ALL SELECT key_account, state, owed, held FROM calls
    ) AS shares GROUP BY account
) AS c ON c.account = a.id
WHERE a.spent <> COALESCE(c.spent, 0) OR a.held <> COALESCE(c.held, 0)
ORDER BY a.owner
"""


@dataclass(frozen=True, slots=True)
class Difference:
    """A balance that its calls do not add up to."""

    owner: str
    spent: int
    held: int
    spent_by_calls: int
    held_by_calls: int


def opening(owner: str) -> Statement:
    """An account without a budget: it counts, and limits nothing."""
    return "INSERT INTO accounts (owner) VALUES ($1)", (owner,)


def limiting(owner: str, *, has_budget: bool, limit: int | None) -> Statement:
    """Change what an account may spend. What it has spent stays."""
    return _SET, (int(has_budget), limit, owner)


async def accounts(database: Database) -> list[Account]:
    return [_account(row) for row in await database.read(_ALL)]


async def account(database: Database, owner: str) -> Account | None:
    rows = await database.read(_ONE, owner)
    return _account(rows[0]) if rows else None


async def accounts_of(database: Database, ids: Sequence[int]) -> list[Account]:
    """The accounts that one call stands on."""
    return [_account(row) for row in await database.read(_FOUR, *ids)]


async def differences(database: Database) -> list[Difference]:
    """Every balance, recomputed from the rows; those that differ."""
    return [Difference(*row) for row in await database.read(_DIFFERING)]


def _account(row: Row) -> Account:
    number, owner, has_budget, *amounts = row
    return Account(number, owner, bool(has_budget), *amounts)

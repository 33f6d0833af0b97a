"""Accounts: who owns them, what limit they have, and whether they agree with the calls."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tollhouse.domain import periods
from tollhouse.domain.budget import Account, Roll
from tollhouse.domain.periods import Period, Window
from tollhouse.ports import Database, Row, Statement

COLUMNS = """
SELECT id, owner, has_budget, limit_nanos, spent, held, is_soft, period, zone, period_start, period_end
FROM accounts
"""
_ALL = COLUMNS + "ORDER BY owner"
_ONE = COLUMNS + "WHERE owner = $1"
_THESE = COLUMNS + "WHERE id IN ({}) ORDER BY id"
_SET = "UPDATE accounts SET has_budget = $1, limit_nanos = $2, is_soft = $3 WHERE owner = $4"
_ENDING = """
INSERT INTO rolls (account, spent, started_at, ended_at, rolled_at)
SELECT id, spent, COALESCE(period_start, 0), $1, $2 FROM accounts WHERE owner = $3 AND spent <> 0
"""
_STARTING = """
UPDATE accounts SET spent = 0, period = $1, zone = $2, period_start = $3, period_end = $4 WHERE owner = $5
"""
_GOING_ON = """
UPDATE accounts SET period = NULL, zone = NULL, period_start = NULL, period_end = NULL WHERE owner = $1
"""
_ROLLS = """
SELECT r.account, r.spent, r.started_at, r.ended_at, r.rolled_at FROM rolls AS r
JOIN accounts AS a ON a.id = r.account WHERE a.owner = $1 ORDER BY r.ended_at DESC, r.rolled_at DESC LIMIT $2
"""

# One statement, so that balances, calls and days of calls are seen at the same moment.
_DIFFERING = """
SELECT a.owner, CAST(a.spent + COALESCE(r.spent, 0) AS BIGINT), a.held,
    CAST(COALESCE(c.spent, 0) AS BIGINT), CAST(COALESCE(c.held, 0) AS BIGINT)
FROM accounts AS a LEFT JOIN (
    SELECT account, SUM(CASE WHEN state = 'settled' THEN owed ELSE 0 END) AS spent,
        SUM(CASE WHEN state = 'settled' THEN 0 ELSE held END) AS held
    FROM (
        SELECT tenant_account AS account, state, owed, held FROM calls
        UNION ALL SELECT project_account, state, owed, held FROM calls
        UNION ALL SELECT user_account, state, owed, held FROM calls
        UNION ALL SELECT key_account, state, owed, held FROM calls
        UNION ALL SELECT tenant_account, 'settled', owed, 0 FROM days
        UNION ALL SELECT project_account, 'settled', owed, 0 FROM days
        UNION ALL SELECT user_account, 'settled', owed, 0 FROM days
        UNION ALL SELECT key_account, 'settled', owed, 0 FROM days
        UNION ALL SELECT s.account, COALESCE(c.state, 'settled'), s.owed, c.held
        FROM shares AS s LEFT JOIN calls AS c ON c.id = s.call
    ) AS shares GROUP BY account
) AS c ON c.account = a.id LEFT JOIN (
    SELECT account, SUM(spent) AS spent FROM rolls GROUP BY account
) AS r ON r.account = a.id
WHERE a.spent + COALESCE(r.spent, 0) <> COALESCE(c.spent, 0) OR a.held <> COALESCE(c.held, 0)
ORDER BY a.owner
"""


@dataclass(frozen=True, slots=True)
class Difference:
    """A balance that its calls do not add up to; `spent` is that of all its windows."""

    owner: str
    spent: int
    held: int
    spent_by_calls: int
    held_by_calls: int


def opening(owner: str) -> Statement:
    """An account without a budget: it counts, and limits nothing."""
    return "INSERT INTO accounts (owner) VALUES ($1)", (owner,)


def reopening(owner: str) -> Statement:
    """The one that is there, with what was spent on it, or a new one."""
    return "INSERT INTO accounts (owner) VALUES ($1) ON CONFLICT (owner) DO NOTHING", (owner,)


def limiting(
    owner: str, *, has_budget: bool, limit: int | None, is_soft: bool = False
) -> Statement:
    """Change what an account may spend. What it has spent stays."""
    return _SET, (int(has_budget), limit, int(is_soft), owner)


def starting(owner: str, period: Period, window: Window, now_ms: int) -> list[Statement]:
    """Spending begins anew with this window; behind a statement that locks the account."""
    values = (period.word, period.zone, window.start, window.end, owner)
    return [(_ENDING, (now_ms, now_ms, owner)), (_STARTING, values)]


def going_on(owner: str) -> Statement:
    """The window that runs never ends."""
    return _GOING_ON, (owner,)


async def accounts(database: Database) -> list[Account]:
    return [account_of(row) for row in await database.read(_ALL)]


async def account(database: Database, owner: str) -> Account | None:
    rows = await database.read(_ONE, owner)
    return account_of(rows[0]) if rows else None


async def accounts_of(database: Database, ids: Sequence[int]) -> list[Account]:
    """The accounts that one call stands on."""
    places = ", ".join(f"${number + 1}" for number in range(len(ids)))
    return [account_of(row) for row in await database.read(_THESE.format(places), *ids)]


async def rolls(database: Database, owner: str, limit: int) -> list[Roll]:
    """The windows that are over; the last one first."""
    return [Roll(*row) for row in await database.read(_ROLLS, owner, limit)]


async def differences(database: Database) -> list[Difference]:
    """Every balance, recomputed from the rows; those that differ."""
    return [Difference(*row) for row in await database.read(_DIFFERING)]


def account_of(row: Row) -> Account:
    number, owner, has_budget, limit, spent, held, is_soft, every, zone, start, end = row
    amounts = (bool(has_budget), limit, spent, held)
    when = (periods.stored(every, zone), start or 0, end)
    return Account(number, owner, *amounts, bool(is_soft), *when)

"""What there is to tell of budgets that come to an end, until it was told."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from tollhouse.ports import Database, Statement

MOST_AT_ONCE = 20

_SET = "UPDATE accounts SET alerts = $1 WHERE owner = $2"
_COLUMNS = """
SELECT a.owner, l.account, l.started_at, l.limit_nanos, l.percent, l.spent, l.fired_at, l.tries, l.due_at
FROM alerts AS l JOIN accounts AS a ON a.id = l.account
"""
_DUE = _COLUMNS + "WHERE l.due_at <= $1 ORDER BY l.due_at, l.fired_at LIMIT $2"
_LAST = _COLUMNS + "ORDER BY l.fired_at DESC, l.percent DESC LIMIT $1"
_CLAIM = """
UPDATE alerts SET tries = tries + 1, due_at = $1
WHERE account = $2 AND started_at = $3 AND limit_nanos = $4 AND percent = $5 AND due_at <= $6
"""
_TOLD = """
UPDATE alerts SET due_at = NULL WHERE account = $1 AND started_at = $2 AND limit_nanos = $3 AND percent = $4
"""


@dataclass(frozen=True, slots=True)
class Alert:
    """A part of a limit that was reached, in percent."""

    owner: str
    account: int
    started_at: int
    limit: int
    percent: int
    spent: int
    fired_at: int
    tries: int
    due_at: int | None
    """When it is told next; None once it was."""

    @property
    def id(self) -> str:
        """The same however often it is told."""
        return f"alert-{self.account}-{self.started_at}-{self.limit}-{self.percent}"

    @property
    def key(self) -> tuple[int, int, int, int]:
        return self.account, self.started_at, self.limit, self.percent


def wanting(owner: str, percents: Sequence[int]) -> Statement:
    return _SET, (json.dumps(sorted(set(percents))) if percents else None, owner)


async def due(database: Database, now_ms: int) -> list[Alert]:
    return [Alert(*row) for row in await database.read(_DUE, now_ms, MOST_AT_ONCE)]


async def last(database: Database, limit: int) -> list[Alert]:
    return [Alert(*row) for row in await database.read(_LAST, limit)]


async def claim(database: Database, alert: Alert, until_ms: int, now_ms: int) -> bool:
    """Whether this process is to tell it; until then no other does."""
    (claimed,) = await database.write((_CLAIM, (until_ms, *alert.key, now_ms)))
    return claimed == 1


async def told(database: Database, alert: Alert) -> None:
    await database.write((_TOLD, alert.key))

"""Plans: budgets that have a name and are given to many users, to each its own."""

from __future__ import annotations

from dataclasses import dataclass

from tollhouse.domain import periods
from tollhouse.domain.periods import Period
from tollhouse.ports import Database, Statement


@dataclass(frozen=True, slots=True)
class Plan:
    """`limit` is in nano-dollars for each user that has it; None is no limit."""

    id: str
    tenant: str
    name: str | None
    limit: int | None
    period: Period | None
    created_at_ms: int
    changed_at_ms: int


_LIST = """
SELECT id, tenant, name, limit_nanos, period, created_at, changed_at FROM plans
WHERE $1 IN ('', tenant) AND $2 IN ('', id) ORDER BY created_at, id
"""
_ADD = """
INSERT INTO plans (id, tenant, name, limit_nanos, period, created_at, changed_at)
VALUES ($1, $2, $3, $4, $5, $6, $7)
"""
_CHANGE = "UPDATE plans SET name = $1, limit_nanos = $2, period = $3, changed_at = $4 WHERE id = $5"
_GIVE = "UPDATE users SET plan = $1, changed_at = $2 WHERE id = $3"


async def plans(database: Database, tenant: str = "", plan: str = "") -> list[Plan]:
    """All plans, of one tenant or of all; the oldest first."""
    rows = await database.read(_LIST, tenant, plan)
    return [
        Plan(number, whose, name, limit, periods.stored(every, None), created_at_ms, changed_at_ms)
        for number, whose, name, limit, every, created_at_ms, changed_at_ms in rows
    ]


def adding(plan: Plan) -> Statement:
    times = (plan.created_at_ms, plan.changed_at_ms)
    return _ADD, (plan.id, plan.tenant, plan.name, plan.limit, _word(plan), *times)


def changing(plan: Plan) -> Statement:
    return _CHANGE, (plan.name, plan.limit, _word(plan), plan.changed_at_ms, plan.id)


def giving(user: str, plan: str | None, now_ms: int) -> Statement:
    return _GIVE, (plan, now_ms, user)


async def remove(database: Database, plan: str) -> bool:
    """False when there is none. Raises Conflict when a user has it."""
    (gone,) = await database.write(("DELETE FROM plans WHERE id = $1", (plan,)))
    return gone == 1


def _word(plan: Plan) -> str | None:
    return plan.period.word if plan.period else None

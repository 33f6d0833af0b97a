"""What is said of the limits of one subject: of a key, user, project, tenant, model or route."""

from __future__ import annotations

from collections import defaultdict

from tollhouse.domain.limiting import Amounts
from tollhouse.domain.rates import Measure
from tollhouse.ports import Database, Statement

_SET = """
INSERT INTO limits (subject, measure, amount) VALUES ($1, $2, $3)
ON CONFLICT (subject, measure) DO UPDATE SET amount = excluded.amount
"""
_FORGET = "DELETE FROM limits WHERE subject = $1"
_LIST = "SELECT subject, measure, amount FROM limits ORDER BY subject, measure"


def setting(subject: str, measure: Measure, amount: int) -> Statement:
    return _SET, (subject, measure.value, amount)


async def forget(database: Database, subject: str) -> int:
    """How much was said of it."""
    (gone,) = await database.write((_FORGET, (subject,)))
    return gone


async def limits(database: Database) -> dict[str, Amounts]:
    found: dict[str, dict[Measure, int]] = defaultdict(dict)
    for subject, measure, amount in await database.read(_LIST):
        found[subject][Measure(measure)] = amount
    return dict(found)

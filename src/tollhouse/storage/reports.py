"""The ledger, added up by whatever calls have in common."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from tollhouse.domain.reports import By, Scope, Sums
from tollhouse.ports import Database

# One statement for every report, so that its rows are seen at the same moment, whether they are calls or days of
# calls. What a report does not tell apart is the same for all.
_GROUPS = """
SELECT CASE $1 WHEN 'y' THEN tenant ELSE '' END, CASE $2 WHEN 'y' THEN project ELSE '' END,
    CASE $3 WHEN 'y' THEN user_id ELSE '' END, CASE $4 WHEN 'y' THEN key_id ELSE '' END,
    CASE $5 WHEN 'y' THEN route ELSE '' END, CASE $6 WHEN 'y' THEN model ELSE '' END,
    CASE $7 WHEN 'y' THEN target ELSE '' END, CASE $8 WHEN 'y' THEN outcome ELSE '' END,
    CASE $9 WHEN 'y' THEN end_user ELSE '' END, at_ms / $10,
    CAST(SUM(calls) AS BIGINT), CAST(SUM(owed) AS BIGINT), CAST(SUM(held) AS BIGINT),
    CAST(SUM(input) AS BIGINT), CAST(SUM(output) AS BIGINT),
    CAST(SUM(cache_read) AS BIGINT), CAST(SUM(cache_write) AS BIGINT),
    CAST(SUM(images) AS BIGINT), CAST(SUM(seconds) AS BIGINT), CAST(SUM(characters) AS BIGINT)
FROM (
    SELECT tenant, project, user_id, key_id, route, model,
        COALESCE(target, '') AS target, COALESCE(outcome, state) AS outcome,
        COALESCE(end_user, '') AS end_user, created_at AS at_ms,
        1 AS calls, COALESCE(owed, 0) AS owed, CASE WHEN state = 'settled' THEN 0 ELSE held END AS held,
        COALESCE(input, 0) AS input, COALESCE(output, 0) AS output,
        COALESCE(cache_read, 0) AS cache_read, COALESCE(cache_write, 0) AS cache_write,
        COALESCE(images, 0) AS images, COALESCE(seconds, 0) AS seconds, COALESCE(characters, 0) AS characters
    FROM calls WHERE id >= $11
    UNION ALL
    SELECT tenant, project, user_id, key_id, route, model, target, outcome, '', day * 86400000,
        calls, owed, 0, input, output, cache_read, cache_write, images, seconds, characters
    FROM days
) AS used
WHERE $12 IN ('', tenant) AND $13 IN ('', project) AND $14 IN ('', user_id) AND $15 IN ('', key_id)
    AND $16 IN ('', route) AND $17 IN ('', model)
    AND ($18 = '' OR substr(target, 1, length($18) + 1) = $18 || ':')
    AND at_ms >= $19 AND at_ms < $20
GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10
"""
LONGEST_WAIT_MS = 86_400_000
"""Between the coming of a call and its hold lies the reading of its body: minutes, at the most."""

_PLACES = (
    *(By.TENANT, By.PROJECT, By.USER, By.KEY, By.ROUTE, By.MODEL, By.TARGET, By.OUTCOME),
    By.END_USER,
)


@dataclass(frozen=True, slots=True)
class Group:
    """Calls that began within the same span, and share what was to be told apart; "" for the rest."""

    labels: dict[By, str]
    began_ms: int
    sums: Sums


async def groups(
    database: Database, told: Collection[By], span_ms: int, scope: Scope
) -> list[Group]:
    """Sums of what is in scope. Of `told` count what the rows have; spans begin at the epoch."""
    rows = await database.read(
        _GROUPS,
        *("y" if by in told else "" for by in _PLACES),
        span_ms,
        first_id(scope.from_ms),
        scope.tenant,
        scope.project,
        scope.user,
        scope.key,
        scope.route,
        scope.model,
        scope.provider,
        scope.from_ms,
        scope.until_ms,
    )
    return [
        Group(dict(zip(_PLACES, labels, strict=True)), span * span_ms, Sums(*sums))
        for *labels, span, sums in ((*row[:10], row[10:]) for row in rows)
    ]


def first_id(from_ms: int) -> str:
    """The ids of calls begin with the time at which they came: none that began later is before this one."""
    return f"{from_ms - LONGEST_WAIT_MS:012x}" if from_ms > LONGEST_WAIT_MS else ""

"""Calls that are marked: by what, at which target, and what they came to."""

from __future__ import annotations

from dataclasses import dataclass

from tollhouse.ports import Database


@dataclass(frozen=True, slots=True)
class Marked:
    """Calls of one target that bear the same mark. `latest` is the id of the newest."""

    anomaly: str
    target: str
    calls: int
    owed: int
    latest: str


_MARKED = """
SELECT anomaly, COALESCE(target, ''), COUNT(*), CAST(COALESCE(SUM(owed), 0) AS BIGINT), MAX(id)
FROM calls WHERE anomaly IS NOT NULL AND $1 IN ('', tenant) AND created_at >= $2
GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2
"""


async def marked(database: Database, tenant: str = "", since_ms: int = 0) -> list[Marked]:
    """The most frequent first."""
    return [Marked(*row) for row in await database.read(_MARKED, tenant, since_ms)]

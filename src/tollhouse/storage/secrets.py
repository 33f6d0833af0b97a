"""Secrets of providers as they are stored: sealed, and never in clear."""

from __future__ import annotations

from dataclasses import dataclass, field

from tollhouse.ports import Database, Row


@dataclass(frozen=True, slots=True)
class SecretRow:
    name: str
    version: int
    set_at_ms: int
    key_version: int
    wrapped: str = field(repr=False)
    sealed: str = field(repr=False)


_COLUMNS = "SELECT name, version, set_at, key_version, wrapped, sealed FROM secrets "
_LIST = _COLUMNS + "ORDER BY name"
_ONE = _COLUMNS + "WHERE name = $1"
_ADD = """
INSERT INTO secrets (name, version, set_at, key_version, wrapped, sealed) VALUES ($1, $2, $3, $4, $5, $6)
"""
_REPLACE = """
UPDATE secrets SET version = $1, set_at = $2, key_version = $3, wrapped = $4, sealed = $5
WHERE name = $6 AND version = $7
"""
_REWRAP = """
UPDATE secrets SET key_version = $1, wrapped = $2 WHERE name = $3 AND version = $4 AND wrapped = $5
"""
_REMOVE = "DELETE FROM secrets WHERE name = $1"


async def secrets(database: Database) -> list[SecretRow]:
    return [_row(row) for row in await database.read(_LIST)]


async def secret(database: Database, name: str) -> SecretRow | None:
    rows = await database.read(_ONE, name)
    return _row(rows[0]) if rows else None


async def add(database: Database, row: SecretRow) -> None:
    """Raises Conflict where one of that name is there."""
    about = (row.name, row.version, row.set_at_ms, row.key_version)
    await database.write((_ADD, (*about, row.wrapped, row.sealed)))


async def replace(database: Database, row: SecretRow, before: int) -> bool:
    """False when it has not the version `before` any more."""
    about = (row.version, row.set_at_ms, row.key_version, row.wrapped, row.sealed)
    (changed,) = await database.write((_REPLACE, (*about, row.name, before)))
    return changed == 1


async def rewrap(database: Database, row: SecretRow, before: SecretRow) -> bool:
    """False when somebody set or wrapped it meanwhile."""
    at = (row.name, before.version, before.wrapped)
    (changed,) = await database.write((_REWRAP, (row.key_version, row.wrapped, *at)))
    return changed == 1


async def remove(database: Database, name: str) -> bool:
    (changed,) = await database.write((_REMOVE, (name,)))
    return changed == 1


def _row(row: Row) -> SecretRow:
    name, version, set_at, key_version, wrapped, sealed = row
    return SecretRow(name, version, set_at, key_version, wrapped, sealed)

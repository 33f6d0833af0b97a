"""The schema, step by step, forward only: `NNNN_name.<database>.sql`."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources


@dataclass(frozen=True, slots=True)
class Migration:
    version: int
    name: str
    sql: str


def migrations(database: str) -> list[Migration]:
    """All steps for `sqlite` or `postgres`, in order."""
    found = [
        _migration(entry.name, entry.read_text(encoding="utf-8"))
        for entry in resources.files(__package__).iterdir()
        if entry.name.endswith(f".{database}.sql")
    ]
    return sorted(found, key=lambda migration: migration.version)


def _migration(file_name: str, sql: str) -> Migration:
    stem = file_name.split(".", maxsplit=1)[0]
    number, _, name = stem.partition("_")
    return Migration(int(number), name, sql)

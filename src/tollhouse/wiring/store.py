"""The store that the settings name."""

from __future__ import annotations

from tollhouse.config import Settings
from tollhouse.ports import Books as Store

__all__ = ["Store", "open_database"]


def open_database(settings: Settings) -> Store:
    """The store that the settings name. Nothing is read or made until it is used."""
    if settings.sqlite_file is not None:
        from tollhouse.storage.sqlite import SqliteDatabase

        return SqliteDatabase(settings.sqlite_file)
    from tollhouse.storage.postgres import PostgresDatabase

    password = settings.store.password
    return PostgresDatabase(
        settings.store.url, password.reveal() if password else None, settings.store.pool
    )

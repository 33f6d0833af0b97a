"""The composition root: the only module that names concrete classes."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from tollhouse.config import Settings
from tollhouse.ports import Database, Ledger

SQLITE = "sqlite:"


class Store(Database, Ledger, Protocol):
    """One database is both."""


def open_database(settings: Settings) -> Store:
    """The store that the settings name. Nothing is read or made until it is used."""
    if is_sqlite(settings):
        from tollhouse.storage.sqlite import SqliteDatabase

        return SqliteDatabase(sqlite_path(settings))
    from tollhouse.storage.postgres import PostgresDatabase

    password = settings.store.password
    return PostgresDatabase(
        settings.store.url, password.reveal() if password else None, settings.store.pool
    )


def is_sqlite(settings: Settings) -> bool:
    return urlsplit(settings.store.url).scheme == "sqlite"


def sqlite_path(settings: Settings) -> Path:
    return Path(settings.data_dir) / settings.store.url.removeprefix(SQLITE)

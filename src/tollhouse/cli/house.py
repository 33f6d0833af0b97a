"""What a command works on: the settings and the open store."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

if TYPE_CHECKING:
    from tollhouse.config import Settings
    from tollhouse.wiring import Store

ENVIRONMENT = "TOLLHOUSE_CONFIG"
PROFILE = "TOLLHOUSE_PROFILE"
DEFAULT_FILE = Path("tollhouse.toml")

Json = Annotated[bool, typer.Option("--json", help="Print JSON with stable keys.")]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Invocation:
    """How the program was called."""

    config: Path | None
    environ: Mapping[str, str]
    profile: str = ""

    @property
    def file(self) -> Path | None:
        """The file that was named, or the one that lies here."""
        return self.config or (DEFAULT_FILE if DEFAULT_FILE.exists() else None)


@dataclass(frozen=True, slots=True)
class House:
    settings: Settings
    store: Store
    now_ms: int


def settings_of(context: typer.Context) -> Settings:
    """Raises ConfigInvalid."""
    from tollhouse.config import load

    invocation: Invocation = context.obj
    return load(invocation.file, invocation.environ, invocation.profile)


def run(context: typer.Context, work: Callable[[House], Awaitable[T]]) -> T:
    """Do it in an open house. A SQLite file is made or brought up to date first, PostgreSQL is not.

    The command's name is that of an operation: what it changes is written down.
    """
    from tollhouse.domain import operations

    settings, operation = settings_of(context), operations.found(_name(context))

    async def prepared(house: House) -> T:
        from tollhouse.control.preparing import prepare

        await prepare(house.store, house.now_ms, apply=settings.store.is_sqlite)
        if not operation.mutates:
            return await work(house)
        from tollhouse.cli.acts import written_down

        return await written_down(house, operation, context.params, work)

    return run_as_it_is(settings, prepared)


def run_as_it_is(settings: Settings, work: Callable[[House], Awaitable[T]]) -> T:
    """Do it without looking at the schema."""
    import asyncio

    from tollhouse.wiring import open_database

    async def opened() -> T:
        store = open_database(settings)
        try:
            return await work(House(settings, store, time.time_ns() // 1_000_000))
        finally:
            await store.close()

    return asyncio.run(opened())


def _name(context: typer.Context) -> str:
    """`tollhouse keys revoke` is `keys.revoke`."""
    words: list[str] = []
    here: Any = context
    while here.parent is not None:
        words.insert(0, str(here.info_name))
        here = here.parent
    return ".".join(words)

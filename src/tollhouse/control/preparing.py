"""A store that is ready to be used: its schema up to date, its first prices in."""

from __future__ import annotations

from tollhouse.control import prices
from tollhouse.data import seed_prices
from tollhouse.ports import Database


async def prepare(database: Database, now_ms: int, *, apply: bool) -> list[str]:
    """The migrations taken. With `apply=False`, raises SchemaTooOld when some are missing.

    A house that was just built gets the price book; later books are an operator's choice.
    """
    steps = await database.migrate(apply=apply)
    if steps and not await prices.history(database):
        await prices.seed(database, seed_prices().listings, now_ms)
    return steps

"""`tollhouse migrate`"""

from __future__ import annotations

import typer

from tollhouse.cli.house import House, Json, run_as_it_is, settings_of
from tollhouse.cli.printing import print_json


def migrate(context: typer.Context, as_json: Json = False) -> None:
    """Bring the store's schema up to date. A new store gets the price book, too.

    Example: tollhouse migrate
    """
    from tollhouse.control.preparing import prepare

    async def work(house: House) -> list[str]:
        return await prepare(house.store, house.now_ms, apply=True)

    steps = run_as_it_is(settings_of(context), work)
    if as_json:
        print_json({"steps": steps})
    else:
        print(f"taken: {', '.join(steps)}" if steps else "the schema is up to date")

"""Who comes with another gateway is let in act by act, each with a record of its own."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import typer

from tollhouse.cli.house import House, run_as_it_is, settings_of
from tollhouse.control import acting, peppers
from tollhouse.control.acting import Desk
from tollhouse.control.arriving import Arrivals, deeds
from tollhouse.control.preparing import prepare
from tollhouse.domain import operations
from tollhouse.domain.errors import Refusal
from tollhouse.domain.storing import Conflict

if TYPE_CHECKING:
    from tollhouse.control.arriving import Deed


def take_in(
    context: typer.Context, found: Arrivals, tenant: str, left: list[str], *, is_done: bool
) -> list[str]:
    """What was done, or would be. A refusal leaves that one act undone, and is named in `left`."""
    from tollhouse.cli.acts import desk_of

    settings = settings_of(context)

    async def work(house: House) -> list[str]:
        await prepare(house.store, house.now_ms, apply=settings.store.is_sqlite)
        known = await peppers.opened(settings, house.store)
        async with AsyncExitStack() as stack:
            desk = await desk_of(house, stack) if is_done else None
            return [
                deed.says
                async for deed in deeds(
                    house.store, tenant, found, known, house.now_ms, settings.keys.lifetimes
                )
                if desk is None or await _is_done(desk, deed, left)
            ]

    return run_as_it_is(settings, work)


async def _is_done(desk: Desk, deed: Deed, left: list[str]) -> bool:
    from tollhouse.cli.acts import operator

    operation = operations.found(deed.operation)
    try:
        await acting.act(desk, operator(), operation, deed.arguments, deed.work)
    except (Refusal, Conflict) as why:
        left.append(f"{deed.says}: {why}")
        return False
    return True

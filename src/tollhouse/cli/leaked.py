"""Secrets that lie about in a text are taken back act by act, each with a record of its own."""

from __future__ import annotations

import sys
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import typer

from tollhouse.cli.acts import desk_of, operator
from tollhouse.cli.house import House, run_as_it_is, settings_of
from tollhouse.control import acting
from tollhouse.control.leaking import Leak, leaked
from tollhouse.control.peppers import opened
from tollhouse.control.preparing import prepare
from tollhouse.domain import leaks, operations

Done = list[tuple[Leak, bool]]


def take_back(context: typer.Context, said: str) -> Done:
    """Everything of ours that the text holds, and whether something was done about it."""
    text, settings = _text(said), settings_of(context)

    async def work(house: House) -> Done:
        await prepare(house.store, house.now_ms, apply=settings.store.is_sqlite)
        peppers = await opened(settings, house.store)
        found = [each async for each in leaked(house.store, peppers, text, house.now_ms)]
        async with AsyncExitStack() as stack:
            desk = await desk_of(house, stack)
            return [(each, await _is_ended(desk, each)) for each in found]

    return run_as_it_is(settings, work)


async def _is_ended(desk: acting.Desk, leak: Leak) -> bool:
    if leak.work is None:
        return False
    operation = operations.found(leak.operation)
    await acting.act(desk, operator(), operation, leak.arguments or {}, leak.work)
    return True


def _text(said: str) -> str:
    """Whatever it is, it is looked through as text."""
    raw: Any = said
    if said == "-":
        raw = sys.stdin.buffer.read(leaks.MOST + 1)
    elif said.startswith("@"):
        with Path(said[1:]).open("rb") as file:
            raw = file.read(leaks.MOST + 1)
    return raw if isinstance(raw, str) else raw.decode("latin-1")

"""`tollhouse usage import`"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tollhouse.cli.house import House, Json, run_as_it_is, settings_of
from tollhouse.cli.printing import money, note, print_json, table
from tollhouse.domain.budget import dollars

if TYPE_CHECKING:
    from tollhouse.control.acting import Desk
    from tollhouse.control.outside import Batch, Found
    from tollhouse.control.outside_known import Known

LONGEST_LINE = 64 * 1024


@dataclass(slots=True)
class Sum:
    """What the batches of a file came to so far."""

    events: int = 0
    again: int = 0
    owed: int = 0
    accounts: dict[str, int] = field(default_factory=dict)

    def add(self, found: Found) -> None:
        self.events += len(found.counted)
        self.again += found.again
        self.owed += found.owed
        for owner, owed in found.by_owner.items():
            self.accounts[owner] = self.accounts.get(owner, 0) + owed


def import_(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="One event a line, as JSON.")],
    tenant: Annotated[str, typer.Option(help="Whose usage it was.")],
    source: Annotated[str, typer.Option(help="Who tells of it: ids of events are its own.")],
    apply: Annotated[
        bool, typer.Option("--apply", help="Do it. Without it, what would be counted is said.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Count usage that happened outside. Each event counts once, however often it is told; nothing is asked first.

    A line: {"id": "evt-1", "at": "2026-01-31T12:00:00Z", "user": "acme/anna", "target": "openai:gpt-5", "input": 10}

    Example: tollhouse usage import events.jsonl --tenant acme --source claude-code --apply
    """
    settings = settings_of(context)

    async def work(house: House) -> Sum:
        from tollhouse.control.outside_known import known
        from tollhouse.control.preparing import prepare

        await prepare(house.store, house.now_ms, apply=settings.store.is_sqlite)
        models, found = known(settings), Sum()
        async with AsyncExitStack() as stack:
            async for each in _each(house, models, file, tenant, source):
                found.add(each)
            if apply:
                from tollhouse.cli.acts import desk_of

                desk, found = await desk_of(house, stack), Sum()
                for batch in _batches(file, tenant, source):
                    found.add(await _counted(desk, batch, models, house.now_ms))
                    note(f"{found.events + found.again} events")
        return found

    _print(run_as_it_is(settings, work), is_done=apply, as_json=as_json)


async def _each(
    house: House, models: Known, file: Path, tenant: str, source: str
) -> AsyncIterator[Found]:
    """All of it is judged before the first is written down."""
    from tollhouse.control import outside

    seen: dict[str, str] = {}
    for batch in _batches(file, tenant, source):
        yield await outside.judge(house.store, batch, models, house.now_ms, seen)


async def _counted(desk: Desk, batch: Batch, models: Known, now_ms: int) -> Found:
    """An act of its own for each batch, which is counted whole or not at all."""
    from tollhouse.cli.acts import operator
    from tollhouse.control import acting, outside
    from tollhouse.control.outside import Imported
    from tollhouse.domain import operations
    from tollhouse.ports import Books

    by = operator()

    async def work(store: Books) -> Imported:
        return await outside.count(store, batch, models, desk.new_id, by.name, now_ms)

    operation = operations.found("usage.import")
    made = await acting.act(desk, by, operation, {"tenant": batch.tenant}, work)
    return made.found


def _batches(file: Path, tenant: str, source: str) -> Iterator[Batch]:
    from itertools import islice

    from tollhouse.control.outside import MOST_EVENTS, Batch

    with file.open("rb") as lines:
        events = _events(lines)
        while some := list(islice(events, MOST_EVENTS)):
            places, told = zip(*some, strict=True)
            yield Batch(tenant, source, told, places)


def _events(lines: Iterator[bytes]) -> Iterator[tuple[str, object]]:
    from tollhouse.control import outside_lines
    from tollhouse.control.outside import named
    from tollhouse.dialects import strict_json

    for number, line in enumerate(lines, start=1):
        if line.strip():
            with named(f"line {number}"):
                yield f"line {number}", outside_lines.event(strict_json.parse_object(line))


def _print(found: Sum, *, is_done: bool, as_json: bool) -> None:
    if as_json:
        accounts = [{"owner": it, **money("owed", owed)} for it, owed in found.accounts.items()]
        told = {"events": found.events, "again": found.again, **money("owed", found.owed)}
        print_json({**told, "is_done": is_done, "accounts": accounts})
        return
    rows = [(owner, dollars(owed)) for owner, owed in found.accounts.items()]
    table(("account", ">owed"), rows, empty="no event is new")
    said = "were counted" if is_done else "would be counted: say --apply to do it"
    note(f"{found.events} events, {dollars(found.owed)}, {said}; {found.again} were told before")

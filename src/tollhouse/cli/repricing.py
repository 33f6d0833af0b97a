"""`tollhouse usage reprice` and `usage corrections`"""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tollhouse.cli.house import House, Json, run, run_as_it_is, settings_of
from tollhouse.cli.printing import money, note, print_json, table
from tollhouse.cli.times import iso, shown, since_ms
from tollhouse.domain.budget import dollars

if TYPE_CHECKING:
    from tollhouse.control.repricing import Repriced, Wish
    from tollhouse.storage.corrections import Kept

Moment = Annotated[str | None, typer.Option(help="An ISO date or time, or a span such as 7d.")]


def reprice(
    context: typer.Context,
    target: Annotated[str, typer.Argument(help="Whose answers: provider:model.")],
    price: Annotated[
        int, typer.Option(help="The price row; left out, what was in force when each call came.")
    ] = 0,
    tenant: Annotated[str, typer.Option(help="Only of this tenant.")] = "",
    since: Moment = None,
    until: Moment = None,
    unpriced: Annotated[
        bool, typer.Option("--unpriced", help="Only calls that were billed without a price.")
    ] = False,
    apply: Annotated[
        bool, typer.Option("--apply", help="Do it. Without it, what would be done is said.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Price settled calls anew. What they were billed before is kept, and every account is moved by the difference.

    Example: tollhouse usage reprice openai:gpt-5 --since 2026-01-01 --unpriced --apply
    """
    settings = settings_of(context)
    provider = settings.providers.get(target.partition(":")[0])
    kind = provider.kind if provider else ""

    async def work(house: House) -> tuple[Repriced, dict[str, int]]:
        from tollhouse.control import repricing
        from tollhouse.control.preparing import prepare
        from tollhouse.control.repricing import Wish
        from tollhouse.domain.reports import EVER_MS
        from tollhouse.storage.corrections import Wanted

        await prepare(house.store, house.now_ms, apply=settings.store.is_sqlite)
        from_ms = 0 if since is None else since_ms(since, house.now_ms)
        until_ms = EVER_MS if until is None else since_ms(until, house.now_ms)
        wish = Wish(Wanted(target, tenant, from_ms, until_ms, unpriced), price, kind)
        found = await (_done(house, wish) if apply else repricing.seen(house.store, wish))
        return found, await repricing.moved(house.store, found)

    found, moved = run_as_it_is(settings, work)
    _print(found, moved, is_done=apply, as_json=as_json)


def corrections(
    context: typer.Context,
    call: Annotated[str, typer.Option(help="Only of this call.")] = "",
    repricing: Annotated[str, typer.Option(help="Only of this repricing.")] = "",
    limit: Annotated[int, typer.Option(help="How many at most.")] = 50,
    as_json: Json = False,
) -> None:
    """Show what calls were billed before they were priced anew, the newest first.

    Example: tollhouse usage corrections --json
    """

    async def work(house: House) -> list[Kept]:
        from tollhouse.control import repricing as use_case

        return await use_case.kept(house.store, call, repricing, limit)

    found = run(context, work)
    if as_json:
        print_json([_json(each) for each in found])
        return
    table(
        ("call", "at", "by", ">was", ">owed", ">price before", ">price"),
        (_cells(each) for each in found),
        empty="no call was priced anew",
    )


async def _done(house: House, wish: Wish) -> Repriced:
    """As one act."""
    from tollhouse.cli.acts import desk_of, operator
    from tollhouse.control import acting, repricing
    from tollhouse.domain import operations
    from tollhouse.ports import Books

    by = operator()
    async with AsyncExitStack() as stack:
        desk = await desk_of(house, stack)

        async def work(store: Books) -> Repriced:
            return await repricing.done(store, wish, desk.new_id, by.name, house.now_ms)

        return await acting.act(desk, by, operations.found("usage.reprice"), {}, work)


def _print(found: Repriced, moved: dict[str, int], *, is_done: bool, as_json: bool) -> None:
    left = {why.value: count for why, count in found.left.items()}
    if as_json:
        counts = {"matched": found.matched, "updated": found.updated, "unchanged": found.unchanged}
        amounts = {**money("was", found.was), **money("owed", found.owed)}
        accounts = [{"owner": it, **money("difference", amount)} for it, amount in moved.items()]
        head = {"id": found.id or None, "is_done": is_done}
        print_json({**head, **counts, "left": left, **amounts, "accounts": accounts})
        return
    rows = [(owner, dollars(amount)) for owner, amount in moved.items()]
    table(("account", ">difference"), rows, empty="no account is moved")
    said = "" if is_done else "; say --apply to do it"
    note(
        f"{found.matched} calls: {found.updated} priced anew from {dollars(found.was)} to {dollars(found.owed)}, "
        f"{found.unchanged} unchanged, {sum(left.values())} left as they are{said}"
    )
    for why, count in left.items():
        note(f"  {count} {why}")


def _json(each: Kept) -> dict[str, Any]:
    return {
        "call": each.call,
        "number": each.number,
        "repricing": each.repricing,
        **money("was", each.was),
        **money("owed", each.owed),
        "old_price": each.old_price,
        "price": each.price,
        "made_by": each.made_by,
        "made_at": iso(each.made_at_ms),
    }


def _cells(each: Kept) -> tuple[str, ...]:
    amounts = (dollars(each.was), dollars(each.owed))
    before = "-" if each.old_price is None else str(each.old_price)
    return each.call, shown(each.made_at_ms), each.made_by, *amounts, before, str(each.price)

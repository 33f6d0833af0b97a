"""`tollhouse prices update`, `diff`, `approve`, `reject` and `recompute`"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tollhouse.cli.house import House, Json, run
from tollhouse.cli.printing import money, note, print_json, table
from tollhouse.cli.times import iso, since_ms
from tollhouse.domain.budget import dollars

if TYPE_CHECKING:
    from tollhouse.control.price_updates import Approved, Change, Update
    from tollhouse.control.recompute import Difference, Recomputed
    from tollhouse.domain.price_changes import Move
    from tollhouse.domain.pricebook import Pricebook

PACKAGED = "packaged"
LARGEST_BOOK = 32 * 1024 * 1024

Id = Annotated[str, typer.Argument(help="The update's id, as `prices diff` shows it.")]


def update(
    context: typer.Context,
    book: Annotated[
        str, typer.Argument(help="A price book's file, or `packaged` for the one of this version.")
    ],
    as_json: Json = False,
) -> None:
    """Lay a price book before the house. Nothing holds before it is approved.

    Example: tollhouse prices update packaged
    """
    from tollhouse.cli.acts import operator
    from tollhouse.control import price_updates

    read, by = _book(book), operator().name
    found = run(
        context, lambda house: price_updates.propose(house.store, read, book, house.now_ms, by)
    )
    if as_json:
        print_json(_json(found) if found else None)
    elif found is None:
        print(f"price book {read.version} changes nothing")
    else:
        _print(found)


def diff(
    context: typer.Context,
    update: Annotated[str, typer.Argument(help="Only this one, with all of its changes.")] = "",
    as_json: Json = False,
) -> None:
    """Show what price books would change that were laid before the house.

    Example: tollhouse prices diff
    """
    from tollhouse.control import price_updates

    async def work(house: House) -> list[Update]:
        if update:
            return [await price_updates.shown(house.store, update)]
        return [each for each in await price_updates.listed(house.store) if each.is_open]

    found = run(context, work)
    if as_json:
        print_json([_json(each) for each in found])
        return
    for each in found:
        _print(each)
    if not found:
        print("no price update is open")


def approve(
    context: typer.Context,
    update: Id,
    jump: Annotated[
        list[str] | None,
        typer.Option(help="A target whose price may become ten times as much, or a tenth."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Let what is open of an update hold: from now, or from the day that the book says.

    Example: tollhouse prices approve 3f9a12cc --jump openai:gpt-4.1
    """
    from tollhouse.cli.acts import operator
    from tollhouse.control import price_updates

    named, by = frozenset(jump or ()), operator().name

    async def work(house: House) -> Approved:
        return await price_updates.approve(house.store, update, named, house.now_ms, by)

    approved = run(context, work)
    if as_json:
        print_json({"added": len(approved.added), "held": list(approved.held)})
        return
    print(f"{len(approved.added)} prices set")
    for target in approved.held:
        note(f"held, for it is a jump: {target}. `--jump {target}` approves it too.")


def reject(context: typer.Context, update: Id, as_json: Json = False) -> None:
    """Drop what is open of an update.

    Example: tollhouse prices reject 3f9a12cc
    """
    from tollhouse.cli.acts import operator
    from tollhouse.control import price_updates

    by = operator().name
    count = run(context, lambda house: price_updates.reject(house.store, update, house.now_ms, by))
    if as_json:
        print_json({"rejected": count})
    else:
        print(f"{count} changes rejected")


def recompute(
    context: typer.Context,
    since: Annotated[
        str | None, typer.Option(help="Only calls from then on: a date, or a span such as 7d.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Work out anew what settled calls owe. Nothing is changed; exit status 1 if any differs.

    Example: tollhouse prices recompute --since 30d
    """
    from tollhouse.control import recompute as anew

    async def work(house: House) -> Recomputed:
        since_at = 0 if since is None else since_ms(since, house.now_ms)
        return await anew.recompute(house.store, since_at)

    found = run(context, work)
    if as_json:
        print_json(_recomputed(found))
    elif found.differences:
        table(
            ("call", ">price", ">owed", ">recomputed"),
            (_difference_cells(each) for each in found.differences),
            empty="",
        )
    else:
        print(f"{found.calls} calls owe {dollars(found.owed)}, as their usage and prices say")
    if found.differences:
        raise typer.Exit(1)


def _book(name: str) -> Pricebook:
    import tomllib

    from tollhouse.data import seed_prices
    from tollhouse.domain.pricebook import pricebook

    if name == PACKAGED:
        return seed_prices()
    try:
        if Path(name).stat().st_size > LARGEST_BOOK:
            raise typer.BadParameter(f"{name} is larger than {LARGEST_BOOK:,} bytes")
        return pricebook(tomllib.loads(Path(name).read_text("utf-8")))
    except (OSError, ValueError) as error:
        raise typer.BadParameter(f"{name} cannot be read as a price book: {error}") from error


def _print(update: Update) -> None:
    head, opened = update.proposal, [each for each in update.changes if each.is_open]
    print(
        f"update {head.id}: {head.book} {head.version}, {head.made_by}, {iso(head.made_at_ms)}: "
        f"{len(opened)} of {len(update.changes)} open"
    )
    table(
        ("target", "change", "source", ""),
        (_cells(change) for change in update.changes),
        empty="no changes",
    )
    if head.gone:
        note(f"{len(head.gone)} targets are not in it any more, and keep their price")


def _cells(change: Change) -> tuple[str, str, str, str]:
    moved = "; ".join(_moved(move) for move in change.moves) or "added"
    state = change.row.verdict or ("JUMP" if change.row.is_jump else "")
    return change.row.new.model, moved, change.row.new.source, state


def _moved(move: Move) -> str:
    """As `input 2 -> 3 (x1.5)`."""
    above = f" above {move.above}" if move.above else ""
    factor = "" if move.factor is None else f" (x{float(move.factor):.3g})"
    return f"{move.rate}{above} {_dollars(move, move.old)} -> {_dollars(move, move.new)}{factor}"


def _dollars(move: Move, picos: int) -> str:
    from tollhouse.domain.pricebook import UNITS, dollars_per_million, dollars_per_unit

    return dollars_per_unit(picos) if move.rate in UNITS else dollars_per_million(picos)


def _json(update: Update) -> dict[str, Any]:
    head = update.proposal
    return {
        "id": head.id,
        "book": head.book,
        "version": head.version,
        "made_by": head.made_by,
        "made_at": iso(head.made_at_ms),
        "gone": list(head.gone),
        "changes": [_change_json(change) for change in update.changes],
    }


def _change_json(change: Change) -> dict[str, Any]:
    row = change.row
    return {
        "target": row.new.model,
        "source": row.new.source,
        "effective_at": iso(row.new.effective_at_ms),
        "old_price": row.old_price,
        "is_jump": row.is_jump,
        "verdict": row.verdict,
        "decided_by": row.decided_by,
        "decided_at": iso(row.decided_at_ms),
        "moves": [
            {"rate": move.rate, "above": move.above, "old_picos": move.old, "new_picos": move.new}
            for move in change.moves
        ],
    }


def _recomputed(found: Recomputed) -> dict[str, Any]:
    return {
        "is_exact": not found.differences,
        "calls": found.calls,
        "apart": found.apart,
        **money("owed", found.owed),
        **money("recomputed", found.recomputed),
        "differences": [
            {
                "call": each.call,
                "price": each.price,
                **money("owed", each.owed),
                **money("recomputed", each.recomputed),
            }
            for each in found.differences
        ],
    }


def _difference_cells(each: Difference) -> tuple[str, str, str, str]:
    anew = "no such price" if each.recomputed is None else dollars(each.recomputed)
    return each.call, str(each.price or ""), dollars(each.owed), anew

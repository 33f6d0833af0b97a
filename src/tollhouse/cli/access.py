"""`tollhouse access`"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Annotated

import typer

from tollhouse.cli.house import House, Json, run
from tollhouse.cli.printing import bar, note, print_json, table
from tollhouse.cli.sheets import Csv, Output, check_output, print_csv, write_file
from tollhouse.cli.times import shown
from tollhouse.domain.budget import dollars
from tollhouse.domain.sheets import records

if TYPE_CHECKING:
    from tollhouse.control.access_review import Reviewed

app = typer.Typer(help="Who can reach what.")


@app.callback()
def _access() -> None:
    """With one command alone, it would be named by the group."""


@app.command()
def review(
    context: typer.Context,
    tenant: Annotated[str, typer.Option(help="Only of this tenant.")] = "",
    window: Annotated[
        int, typer.Option(min=1, max=3650, help="Days after which what was not used is unused.")
    ] = 90,
    as_json: Json = False,
    as_csv: Csv = False,
    output: Output = None,
) -> None:
    """List every key with what it may call, what of that it called, and what speaks against it.

    Example: tollhouse access review --window 90 --output access.csv
    """
    from tollhouse.control import access_review

    check_output(output)

    async def work(house: House) -> list[Reviewed]:
        models = house.settings.models
        return await access_review.review(house.store, models, tenant, window, house.now_ms)

    reviewed = run(context, work)
    rows = [access_review.cells(each) for each in reviewed]
    if output is not None:
        write_file(output, access_review.COLUMNS, rows)
    elif as_json:
        print_json(list(records(access_review.COLUMNS, rows)))
    elif as_csv:
        print_csv(access_review.COLUMNS, rows)
    else:
        _draw(reviewed)


def _draw(reviewed: list[Reviewed]) -> None:
    table(
        ("key", "name", "user", "reaches", "unused", "last used", ">limit", "findings"),
        (_cells(each) for each in reviewed),
        empty="no keys",
    )
    counts = Counter(finding for each in reviewed for finding in each.findings)
    if counts:
        note("")
        width = max(len(finding) for finding in counts)
        for finding, count in counts.most_common():
            note(f"{finding:<{width}}  {count:>5} {bar(count, len(reviewed))}")


def _cells(each: Reviewed) -> tuple[str, ...]:
    key = each.key
    return (
        key.id,
        key.name,
        key.user,
        _few(each.reaches),
        _few(each.unused),
        shown(key.last_used_at_ms)[:10],
        "none" if each.limit is None else dollars(each.limit),
        " ".join(each.findings) or "-",
    )


def _few(names: tuple[str, ...]) -> str:
    return f"{', '.join(names[:3])} +{len(names) - 3}" if len(names) > 3 else ", ".join(names)

"""`tollhouse usage report`"""

from __future__ import annotations

from typing import Annotated, Any

import typer

from tollhouse.cli.house import House, Json, run
from tollhouse.cli.printing import bar, beside, print_json, table
from tollhouse.cli.sheets import Csv, Output, check_output, print_csv, write_file
from tollhouse.cli.times import iso, since_ms
from tollhouse.domain.budget import dollars
from tollhouse.domain.reports import EVER_MS, By, Report, Scope, Sums

Only = Annotated[str, typer.Option(help="Only of this one.")]
From = Annotated[
    str | None,
    typer.Option("--from", help="From then on: an ISO date or time, or a span such as 30d."),
]
To = Annotated[str | None, typer.Option("--to", help="Before then: an ISO date or time.")]
Zone = Annotated[str, typer.Option(help="Whose days and months, such as Europe/Berlin.")]


def report(
    context: typer.Context,
    by: Annotated[
        list[By] | None, typer.Option(help="What to tell apart; may be said several times.")
    ] = None,
    tenant: Only = "",
    project: Only = "",
    user: Only = "",
    key: Only = "",
    route: Only = "",
    model: Only = "",
    provider: Only = "",
    since: From = None,
    until: To = None,
    zone: Zone = "UTC",
    as_json: Json = False,
    as_csv: Csv = False,
    output: Output = None,
) -> None:
    """Add up what is owed, what is still held, tokens and other units. It equals the ledger.

    Example: tollhouse usage report --by tenant --by model --from 30d --output october.parquet
    """
    from tollhouse.control import reports
    from tollhouse.domain import periods

    check_output(output)
    told = tuple(dict.fromkeys(by or [By.TENANT]))
    place = periods.found_zone(zone)

    async def work(house: House) -> tuple[Scope, Report]:
        scope = Scope(
            tenant=tenant,
            project=project,
            user=user,
            key=key.removeprefix("thk_"),
            route=route,
            model=model,
            provider=provider,
            from_ms=since_ms(since, house.now_ms, place) if since else 0,
            until_ms=since_ms(until, house.now_ms, place) if until else EVER_MS,
        )
        return scope, await reports.report(house.store, told, scope, place)

    scope, made = run(context, work)
    columns = reports.columns(told)
    rows = [reports.cells(line) for line in made.lines]
    if output is not None:
        write_file(output, columns, rows, _document(scope, zone, made))
    elif as_json:
        print_json(_document(scope, zone, made))
    elif as_csv:
        print_csv(columns, rows)
    else:
        _draw(made)


def _document(scope: Scope, zone: str, made: Report) -> dict[str, Any]:
    from tollhouse.control import reports
    from tollhouse.domain.sheets import records

    columns = reports.columns(made.by)
    return {
        "by": [each.value for each in made.by],
        "from": iso(scope.from_ms) if scope.from_ms else None,
        "to": iso(scope.until_ms) if scope.until_ms != EVER_MS else None,
        "zone": zone,
        "rows": list(records(columns, map(reports.cells, made.lines))),
        "total": next(records(columns[len(made.by) :], [made.total.cells()])),
    }


def _draw(made: Report) -> None:
    """What costs most is as long as it is dear."""
    largest = max((line.sums.owed for line in made.lines), default=0)
    labels = tuple(each.value for each in made.by)
    rows = [(*line.labels, *_cells(line.sums), bar(line.sums.owed, largest)) for line in made.lines]
    if rows:
        rows.append(("total", *[""] * (len(labels) - 1), *_cells(made.total), ""))
    table(
        (*labels, ">calls", ">in", ">out", ">cached", "beside", ">held", ">owed", ""),
        rows,
        empty="no calls",
    )


def _cells(sums: Sums) -> tuple[str, ...]:
    tokens = (sums.input, sums.output, sums.cache_read + sums.cache_write)
    amounts = (dollars(sums.held), dollars(sums.owed))
    return str(sums.calls), *map(str, tokens), beside(sums), *amounts

"""`tollhouse usage chargeback`"""

from __future__ import annotations

from typing import Annotated

import typer

from tollhouse.cli.house import House, Json, run
from tollhouse.cli.printing import print_json
from tollhouse.cli.reports import From, Only, To
from tollhouse.cli.sheets import Output, check_output, print_csv, write_file
from tollhouse.cli.times import since_ms
from tollhouse.domain.reports import EVER_MS, Scope
from tollhouse.domain.sheets import Cell, records


def chargeback(
    context: typer.Context,
    since: From = None,
    until: To = None,
    tenant: Only = "",
    project: Only = "",
    issuer: Annotated[str, typer.Option(help="Who sends the bill.")] = "Tollhouse",
    as_json: Json = False,
    output: Output = None,
) -> None:
    """Write what each tenant is charged, day by day, in the columns of FOCUS 1.2. Without a file: CSV.

    Example: tollhouse usage chargeback --from 2027-01-01 --to 2027-02-01 --output january.parquet
    """
    from tollhouse.control import chargeback as charging

    check_output(output)

    async def work(house: House) -> list[tuple[Cell, ...]]:
        scope = Scope(
            tenant=tenant,
            project=project,
            from_ms=since_ms(since, house.now_ms) if since else 0,
            until_ms=since_ms(until, house.now_ms) if until else EVER_MS,
        )
        return await charging.chargeback(house.store, scope, issuer)

    rows = run(context, work)
    if output is not None:
        write_file(output, charging.COLUMNS, rows)
    elif as_json:
        print_json(list(records(charging.COLUMNS, rows)))
    else:
        print_csv(charging.COLUMNS, rows)

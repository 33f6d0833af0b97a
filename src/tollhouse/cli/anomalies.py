"""`tollhouse usage anomalies`"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from tollhouse.cli.house import House, Json, run
from tollhouse.cli.printing import money, print_json, table
from tollhouse.cli.times import since_ms
from tollhouse.domain.budget import dollars

if TYPE_CHECKING:
    from tollhouse.storage.anomalies import Marked

MEANINGS = {
    "over_bound": "more was billed than could be held for; the hold was paid",
    "input_over_bound": "more tokens in than there were bytes",
    "output_over_bound": "more tokens out than the provider was allowed to make",
    "input_too_low": "fewer tokens in than any text of that size has",
    "no_usage": "the provider did not say what it used",
    "no_output_reported": "the provider did not say how much came out",
    "owner_lost": "the process that held it is gone",
    "batch_lost": "nobody saw how the batch ended",
    "unknown": "nobody saw how it ended",
}


def anomalies(
    context: typer.Context,
    tenant: Annotated[str, typer.Option(help="Only of this tenant.")] = "",
    since: Annotated[
        str | None,
        typer.Option(help="Only from then on: an ISO date or time, or a span such as 7d."),
    ] = None,
    as_json: Json = False,
) -> None:
    """List by target what is odd about calls: usage that cannot be, or that nobody told.

    Example: tollhouse usage anomalies --since 7d
    """
    from tollhouse.storage import anomalies as marks

    async def work(house: House) -> list[Marked]:
        since_at = 0 if since is None else since_ms(since, house.now_ms)
        return await marks.marked(house.store, tenant, since_at)

    found = run(context, work)
    if as_json:
        print_json(
            [
                {
                    "anomaly": each.anomaly,
                    "target": each.target or None,
                    "calls": each.calls,
                    **money("owed", each.owed),
                    "latest": each.latest,
                }
                for each in found
            ]
        )
        return
    table(
        ("mark", "target", ">calls", ">owed", "latest", "meaning"),
        (
            (each.anomaly, each.target, str(each.calls), dollars(each.owed), each.latest)
            + (MEANINGS.get(each.anomaly, ""),)
            for each in found
        ),
        empty="nothing is odd",
    )

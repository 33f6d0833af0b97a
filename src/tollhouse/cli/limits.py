"""`tollhouse limits`"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from tollhouse.cli.house import House, Json, run, settings_of
from tollhouse.cli.printing import print_json, table
from tollhouse.domain.rates import Measure

if TYPE_CHECKING:
    from tollhouse.domain.limiting import Amounts

app = typer.Typer(
    help="How much one key, user, project, tenant, model or route may take, where it is not what [limits] says."
)

Subject = Annotated[
    str,
    typer.Argument(help="key:ID, user:ID, project:ID, tenant:ID, model:NAME or route:NAME."),
]
Requests = Annotated[int | None, typer.Option(min=0, help="Requests; 0 is without a limit.")]
Tokens = Annotated[int | None, typer.Option(min=0, help="Tokens; 0 is without a limit.")]


@app.command("set")
def set_(
    context: typer.Context,
    subject: Subject,
    requests_per_minute: Requests = None,
    requests_per_day: Requests = None,
    input_tokens_per_minute: Tokens = None,
    input_tokens_per_day: Tokens = None,
    output_tokens_per_minute: Tokens = None,
    output_tokens_per_day: Tokens = None,
    concurrent: Annotated[
        int | None, typer.Option(min=0, help="Calls under way at once; 0 is without a limit.")
    ] = None,
    queue_weight: Annotated[
        int | None,
        typer.Option(min=1, max=100, help="A project's share in line for a target that is full."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Say what one may take. What is not named stays as it is.

    Example: tollhouse limits set key:0Ab1Cd2Ef3Gh --requests-per-minute 60 --concurrent 4
    """
    from tollhouse.control import catalogue, limiting
    from tollhouse.wiring.dialects import limitable_routes

    given = {
        Measure.REQUESTS_PER_MINUTE: requests_per_minute,
        Measure.REQUESTS_PER_DAY: requests_per_day,
        Measure.INPUT_TOKENS_PER_MINUTE: input_tokens_per_minute,
        Measure.INPUT_TOKENS_PER_DAY: input_tokens_per_day,
        Measure.OUTPUT_TOKENS_PER_MINUTE: output_tokens_per_minute,
        Measure.OUTPUT_TOKENS_PER_DAY: output_tokens_per_day,
        Measure.CONCURRENT: concurrent,
        Measure.QUEUE_WEIGHT: queue_weight,
    }
    amounts = {measure: amount for measure, amount in given.items() if amount is not None}
    if not amounts:
        raise typer.BadParameter("say at least one limit, such as --requests-per-minute 60")
    names, routes = catalogue.names(settings_of(context)), limitable_routes()

    async def work(house: House) -> Amounts:
        return await limiting.put(house.store, names, routes, subject, amounts)

    said = run(context, work)
    _print({subject: said}, as_json=as_json)


@app.command("list")
def list_(context: typer.Context, as_json: Json = False) -> None:
    """List what is said of one or another. What holds for each of a kind stands in the settings.

    Example: tollhouse limits list --json
    """
    from tollhouse.control import limiting

    found = run(context, lambda house: limiting.listed(house.store))
    _print(dict(found), as_json=as_json)


@app.command()
def remove(context: typer.Context, subject: Subject, as_json: Json = False) -> None:
    """Say nothing of one any more: what [limits] says for each of its kind holds again.

    Example: tollhouse limits remove key:0Ab1Cd2Ef3Gh
    """
    from tollhouse.control import limiting

    run(context, lambda house: limiting.remove(house.store, subject))
    if as_json:
        print_json({"subject": subject, "is_removed": True})
    else:
        print(f"{subject} has no limits of its own any more")


def _print(said: dict[str, Amounts], *, as_json: bool) -> None:
    if as_json:
        print_json(
            [
                {"subject": subject, **{str(measure): amount for measure, amount in it.items()}}
                for subject, it in said.items()
            ]
        )
        return
    table(
        ("subject", "limit", ">amount"),
        (
            (subject, str(measure).replace("_", " "), str(amount) if amount else "unlimited")
            for subject, amounts in said.items()
            for measure, amount in amounts.items()
        ),
        empty="nothing is said of anybody: [limits] holds for all",
    )

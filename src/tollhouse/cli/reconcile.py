"""`tollhouse usage reconcile`"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tollhouse.cli.house import House, Json, run
from tollhouse.cli.printing import note, print_json, table
from tollhouse.cli.sheets import Csv, Output, check_output, print_csv, write_file
from tollhouse.domain.budget import dollars

if TYPE_CHECKING:
    from tollhouse.control.reconciling import Comparison, Entry
    from tollhouse.domain.provider_reports import ProviderReport

LARGEST_FILE = 64 * 2**20


def reconcile(
    context: typer.Context,
    files: Annotated[list[Path], typer.Argument(help="Exports of usage or costs: JSON or CSV.")],
    provider: Annotated[str, typer.Option(help="Whose they are, by its name in the settings.")],
    column: Annotated[
        list[str] | None,
        typer.Option(
            help="What a CSV calls a column: day=, model=, input=, output= or dollars=NAME."
        ),
    ] = None,
    name: Annotated[
        list[str] | None, typer.Option(help="What a model of theirs is called here: THEIRS=OURS.")
    ] = None,
    within: Annotated[str, typer.Option(help="Dollars by which a cost may differ.")] = "0",
    settled_after: Annotated[
        int, typer.Option(min=0, help="Days after which the provider has counted all.")
    ] = 0,
    as_json: Json = False,
    as_csv: Csv = False,
    output: Output = None,
) -> None:
    """Lay our books beside a provider's export, by day and model. Exit status 1 if they differ.

    Example: tollhouse usage reconcile usage.json costs.json --provider openai --within 0.01
    """
    from tollhouse.control import reconciling
    from tollhouse.domain import amounts

    check_output(output)
    allowed = amounts.nanos(within, "within")
    columns, names = _pairs(column, "--column"), _pairs(name, "--name")
    exports = [_read(file, columns) for file in files]

    async def work(house: House) -> Comparison:
        if provider not in house.settings.providers:
            raise typer.BadParameter(f"there is no provider {provider!r} in the settings")
        return await reconciling.reconcile(house.store, exports, provider, names, house.now_ms)

    made = run(context, work)
    differing = made.differing(allowed, settled_after)
    rows = [reconciling.cells(entry) for entry in made.entries]
    if output is not None:
        write_file(output, reconciling.COLUMNS, rows, _document(made, differing))
    elif as_json:
        print_json(_document(made, differing))
    elif as_csv:
        print_csv(reconciling.COLUMNS, rows)
    else:
        _draw(made, differing)
    if differing:
        raise typer.Exit(1)


def _pairs(said: list[str] | None, option: str) -> dict[str, str]:
    pairs = {}
    for text in said or ():
        one, equals, other = text.rpartition("=") if option == "--name" else text.partition("=")
        if not (one and equals and other):
            raise typer.BadParameter(f"{text!r} is not of the form ONE=OTHER", param_hint=option)
        pairs[one] = other
    return pairs


def _read(file: Path, columns: dict[str, str]) -> ProviderReport:
    from tollhouse.domain import provider_reports

    if unknown := columns.keys() - set(provider_reports.FIELDS):
        raise typer.BadParameter(
            f"a column is one of {', '.join(provider_reports.FIELDS)}: {min(unknown)!r} is not"
        )
    if file.stat().st_size > LARGEST_FILE:
        raise typer.BadParameter(f"{file} is larger than {LARGEST_FILE // 2**20} MiB")
    try:
        text = file.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        raise typer.BadParameter(f"{file} is not UTF-8") from error
    return provider_reports.read(text, columns)


def _document(made: Comparison, differing: list[Entry]) -> dict[str, Any]:
    from tollhouse.control import reconciling
    from tollhouse.domain.sheets import records
    from tollhouse.storage import days

    return {
        "from": days.iso(made.first_day),
        "to": days.iso(made.last_day),
        "agrees": not differing,
        "differing": len(differing),
        "rows": list(records(reconciling.COLUMNS, map(reconciling.cells, made.entries))),
    }


def _draw(made: Comparison, differing: list[Entry]) -> None:
    from tollhouse.storage import days

    table(
        ("day", "model", "known to", ">age", ">in", ">out", ">ours", ">theirs", ">delta", ""),
        (_cells(entry, is_off=entry in differing) for entry in made.entries),
        empty="nothing was used, and nothing was told",
    )
    span = f"{days.iso(made.first_day)} to {days.iso(made.last_day)}"
    if differing:
        note(
            f"{len(differing)} of {len(made.entries)} differ, {span}; tokens and delta are ours less theirs"
        )
    else:
        note(f"the books agree, {span}")


def _cells(entry: Entry, *, is_off: bool) -> tuple[str, ...]:
    from tollhouse.storage import days

    what = (days.iso(entry.day), entry.model or "(all)", entry.match.value, f"{entry.age_days}d")
    tokens = (_signed(entry.input_delta), _signed(entry.output_delta))
    amounts = (_amount(entry.ours.nanos), _amount(entry.theirs.nanos), _amount(entry.owed_delta))
    return *what, *tokens, *amounts, "◀ differs" if is_off else ""


def _signed(count: int | None) -> str:
    return "-" if count is None else "=" if count == 0 else f"{count:+d}"


def _amount(nanos: int | None) -> str:
    return "-" if nanos is None else dollars(nanos)

"""`tollhouse config`"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tollhouse.cli.house import DEFAULT_FILE, Invocation, Json, settings_of
from tollhouse.cli.printing import note, print_json

if TYPE_CHECKING:
    from tollhouse.config import Problem

app = typer.Typer(help="The settings file: checked, begun, shown.")


@app.command()
def check(context: typer.Context, as_json: Json = False) -> None:
    """Report everything that is wrong with the settings, and what to know about them.

    Example: tollhouse --config tollhouse.toml config check
    """
    from tollhouse.config import ConfigInvalid, warnings
    from tollhouse.wiring import ways
    from tollhouse.wiring.unusable import unusable

    invocation: Invocation = context.obj
    try:
        settings = settings_of(context)
        ways.refuse(list(unusable(settings)), invocation.file)
        problems, noted = [], warnings(settings)
    except ConfigInvalid as error:
        if not as_json:
            raise
        problems, noted = error.problems, []
    if as_json:
        found = {
            "problems": [_json(it) for it in problems],
            "warnings": [_json(it) for it in noted],
        }
        print_json({"is_valid": not problems, **found})
    else:
        _print_warnings(noted)
    if problems:
        raise typer.Exit(1)


@app.command()
def init(
    file: Annotated[Path, typer.Argument(help="Where to write it.")] = DEFAULT_FILE,
    as_json: Json = False,
) -> None:
    """Write a file to start from. One that is there is left as it is.

    Example: tollhouse config init tollhouse.toml
    """
    from tollhouse.config import starter
    from tollhouse.domain.storing import Conflict

    try:
        with file.open("x", encoding="utf-8") as stream:
            stream.write(starter())
    except FileExistsError as error:
        raise Conflict(f"{file} is there already and is left as it is") from error
    if as_json:
        print_json({"file": str(file)})
    else:
        print(f"wrote {file}")


@app.command()
def schema(
    as_json: Annotated[bool, typer.Option("--json", help="It is JSON in any case.")] = False,  # noqa: ARG001
) -> None:
    """Print the JSON schema of the settings, for editors.

    Example: tollhouse config schema > tollhouse.schema.json
    """
    from tollhouse import config

    print_json(config.schema())


@app.command()
def show(context: typer.Context, as_json: Json = False) -> None:
    """Show the settings in force, defaults included. Of a secret, only where it comes from.

    Example: tollhouse config show --json
    """
    invocation: Invocation = context.obj
    settings = plain(settings_of(context))
    if as_json:
        print_json(settings)
        return
    note(f"from {invocation.file}" if invocation.file else "from the defaults: there is no file")
    for name, value in _flat(settings):
        print(f"{name} = {value}")


def _print_warnings(noted: list[Problem]) -> None:
    for problem in noted:
        note("warning:\n" + problem.render())
    print("the settings are valid")


def _json(problem: Problem) -> dict[str, Any]:
    return {
        "key": problem.key,
        "found": problem.found,
        "expected": problem.expected,
        "hint": problem.hint,
        "line": problem.line,
    }


def plain(value: Any) -> Any:
    """Plain values. What is not plain itself is shown as text, which a secret's never reveals."""
    from pydantic import BaseModel

    from tollhouse.config import Secret

    match value:
        case BaseModel():
            return {name: plain(getattr(value, name)) for name in type(value).model_fields}
        case dict():
            return {str(name): plain(inner) for name, inner in value.items()}
        case tuple() | list():
            return [plain(inner) for inner in value]
        case Secret():
            return f"{value.reference} (hidden)"
        case None | bool() | int() | float() | str():
            return value
        case _:
            return str(value)


def _flat(settings: dict[str, Any], before: str = "") -> list[tuple[str, str]]:
    rows: list[tuple[str, str]] = []
    for name, value in settings.items():
        if isinstance(value, dict):
            rows += _flat(value, f"{before}{name}.")
        elif value is not None:
            rows.append((before + name, str(value)))
    return rows

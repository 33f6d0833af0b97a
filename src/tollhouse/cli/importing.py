"""`tollhouse import`"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tollhouse.cli.house import Json
from tollhouse.cli.printing import note, print_json

if TYPE_CHECKING:
    from tollhouse.control.arriving import Arrivals
    from tollhouse.control.importing import Moved

LARGEST_FILE = 4 * 2**20
LARGEST_STORE = 512 * 2**20

app = typer.Typer(help="What other gateways were told, said in our words, and who comes with them.")

Store = Annotated[
    Path | None,
    typer.Option(help="Its database: a SQLite file, or its tables as JSON, each a list of rows."),
]
Tenant = Annotated[str, typer.Option(help="The tenant that they come to; it is made if need be.")]
Apply = Annotated[
    bool, typer.Option("--apply", help="Do it. Without it, what would be done is said.")
]


@app.command()
def litellm(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="Its config.yaml, or the same as JSON.")],
    store: Store = None,
    tenant: Tenant = "main",
    apply: Apply = False,
    as_json: Json = False,
) -> None:
    """Print a LiteLLM configuration as settings of ours, and take in its users and keys with their budgets.

    Example: tollhouse import litellm config.yaml --store tables.json --tenant main --apply
    """
    from tollhouse.control import from_litellm, from_litellm_store

    moved, tables = from_litellm.litellm(_read(file)), _tables(store, from_litellm_store.TABLES)
    found = from_litellm_store.arrivals(tables)
    _print(moved, _taken_in(context, moved, found, tenant, is_done=apply), as_json=as_json)


@app.command()
def otari(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="Its config.yml, or the same as JSON.")],
    store: Store = None,
    tenant: Tenant = "main",
    apply: Apply = False,
    as_json: Json = False,
) -> None:
    """Print an otari configuration as settings of ours, and take in its users, keys, budgets and prices.

    Example: tollhouse import otari config.yml --store otari.db --tenant main --apply
    """
    from tollhouse.control import from_otari, from_otari_store

    moved, tables = from_otari.otari(_read(file)), _tables(store, from_otari_store.TABLES)
    found = from_otari_store.arrivals(tables)
    _print(moved, _taken_in(context, moved, found, tenant, is_done=apply), as_json=as_json)


def _taken_in(
    context: typer.Context, moved: Moved, found: Arrivals, tenant: str, *, is_done: bool
) -> list[str]:
    """Each act that was done, or that would be. What could not be done is left over too."""
    from tollhouse.control.prices import Rates

    for target, said in moved.prices.items():
        both = (said.get("cache-read"), said.get("cache-write"))
        found.prices.setdefault(target, Rates(said["input"], said["output"], *both))
    moved.left += found.left
    if not is_done and not (found.people or found.passes):
        return []
    from tollhouse.cli.arrivals import take_in

    return take_in(context, found, tenant, moved.left, is_done=is_done)


def _tables(store: Path | None, names: tuple[str, ...]) -> dict[str, Any]:
    if store is None:
        return {}
    if store.suffix == ".json":
        found = _read(store, LARGEST_STORE)
        if not isinstance(found, dict) or not all(
            isinstance(rows, list) and all(isinstance(row, dict) for row in rows)
            for rows in found.values()
        ):
            raise typer.BadParameter(f"{store} is not made of tables, each a list of rows")
        return found
    from tollhouse.storage import foreign

    try:
        return foreign.tables(store, names)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def _print(moved: Moved, acts: list[str], *, as_json: bool) -> None:
    if as_json:
        told = {"toml": moved.toml(), "prices": moved.commands(), "left": moved.left}
        print_json({**told, "acts": acts})
        return
    print(moved.toml(), end="")
    for command in moved.commands():
        print(f"# {command}")
    for each in acts:
        note(each)
    if moved.left:
        note(f"{len(moved.left)} things were not carried over:")
        for each in moved.left:
            note(f"  {each}")


def _read(file: Path, largest: int = LARGEST_FILE) -> Any:
    if file.stat().st_size > largest:
        raise typer.BadParameter(f"{file} is larger than {largest // 2**20} MiB")
    text = file.read_text("utf-8")
    if file.suffix == ".json":
        try:
            return json.loads(text)
        except (ValueError, RecursionError) as error:
            raise typer.BadParameter(f"{file} is no JSON: {error}") from error
    return _yaml(text, file)


def _yaml(text: str, file: Path) -> Any:
    try:
        import yaml
    except ImportError as error:
        raise typer.BadParameter(
            "YAML is read with PyYAML: install tollhouse[import], or make it JSON"
        ) from error
    try:
        return yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError) as error:
        raise typer.BadParameter(f"{file} is no YAML: {error}") from error

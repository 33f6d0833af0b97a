"""`tollhouse import`"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tollhouse.cli.house import Json
from tollhouse.cli.printing import note, print_json

if TYPE_CHECKING:
    from tollhouse.control.importing import Moved

LARGEST_FILE = 4 * 2**20

app = typer.Typer(help="What other gateways were told, said in our words. Nothing is changed.")


@app.command()
def litellm(
    file: Annotated[Path, typer.Argument(help="Its config.yaml, or the same as JSON.")],
    as_json: Json = False,
) -> None:
    """Print a LiteLLM configuration as settings of ours, the prices to set, and what is left over.

    Example: tollhouse import litellm config.yaml > tollhouse.toml
    """
    from tollhouse.control import from_litellm

    _print(from_litellm.litellm(_read(file)), as_json=as_json)


@app.command()
def otari(
    file: Annotated[Path, typer.Argument(help="Its config.yml, or the same as JSON.")],
    as_json: Json = False,
) -> None:
    """Print an otari configuration as settings of ours, the prices to set, and what is left over.

    Example: tollhouse import otari config.yml > tollhouse.toml
    """
    from tollhouse.control import from_otari

    _print(from_otari.otari(_read(file)), as_json=as_json)


def _print(moved: Moved, *, as_json: bool) -> None:
    if as_json:
        print_json({"toml": moved.toml(), "prices": moved.commands(), "left": moved.left})
        return
    print(moved.toml(), end="")
    for command in moved.commands():
        print(f"# {command}")
    if moved.left:
        note(f"{len(moved.left)} things were not carried over:")
        for each in moved.left:
            note(f"  {each}")


def _read(file: Path) -> Any:
    if file.stat().st_size > LARGEST_FILE:
        raise typer.BadParameter(f"{file} is larger than {LARGEST_FILE // 2**20} MiB")
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

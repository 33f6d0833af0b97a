from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from tollhouse.cli.app import app
from tollhouse.cli.reference import page

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "cli.md"
WITHOUT_JSON = {"serve", "demo"}


def test_the_page_is_what_the_program_says() -> None:
    assert PAGE.read_text("utf-8") == page(), "write it anew with `make docs`"


def test_every_command_has_an_example_and_json() -> None:
    for name, command in _commands(typer.main.get_command(app)).items():
        assert "Example: tollhouse" in command.help, name
        assert name in WITHOUT_JSON or any("--json" in each.opts for each in command.params), name


def _commands(command: Any, name: str = "") -> dict[str, Any]:
    inner = getattr(command, "commands", None)
    if inner is None:
        return {name: command}
    found: dict[str, Any] = {}
    for word, each in inner.items():
        found |= _commands(each, f"{name} {word}".strip())
    return found

"""Every command that a page shows is one that the program has."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import typer

from tollhouse.cli.app import app

ROOT = Path(__file__).parents[2]
PROGRAM = typer.main.get_command(app)
MADE_ELSEWHERE = {"cli.md", "configuration.md"}
"""Made from the code, where their words are; `test_cli_reference` looks at the commands."""

PAGES = [
    page
    for page in (*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md")))
    if page.name not in MADE_ELSEWHERE
]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_and_their_options_exist(page: Path) -> None:
    for line in re.findall(r"(?:\$ |`|\$\()(tollhouse [a-z-][^`\n#)]*)", page.read_text("utf-8")):
        words = line.split()[1:]
        command, rest = resolved(words)
        options = {name for each in command.params for name in (*each.opts, *each.secondary_opts)}
        asked = {word for word in rest if word.startswith("--")}

        assert asked <= options | {"--help"}, line


def resolved(words: list[str]) -> tuple[Any, list[str]]:
    """The innermost command that the words name, and what follows it."""
    command: Any = PROGRAM
    while words and words[0] in ("--config", "--profile"):
        words = words[2:]
    while words and hasattr(command, "commands"):
        assert words[0] in command.commands, f"there is no command {words[0]!r}"
        command, words = command.commands[words[0]], words[1:]
    return command, words

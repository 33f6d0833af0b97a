"""The page of clients names those that are tried, in the versions that the locks pin."""

from __future__ import annotations

from pathlib import Path

from clients.agents import AGENTS
from clients.roster import CLIENTS

PAGE = Path("docs/reference/clients.md").read_text("utf-8")
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in PAGE.splitlines()
    if line.startswith("| `")
]


def test_every_client_stands_there_in_the_version_of_the_lock() -> None:
    listed = [tuple(row[:3]) for row in ROWS]

    assert listed == [
        (f"`{each.package}`", each.runtime, each.version) for each in (*CLIENTS, *AGENTS)
    ], "run `make clients` and write the page anew with `make docs`"


def test_no_client_failed() -> None:
    assert not [row for row in ROWS if "**no**" in row]

"""On which line of a TOML text each key stands.

tomllib tells values, not places, so the text is read a second time, statement by statement:
a statement is complete as soon as tomllib can read it alone.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from typing import Any

from tollhouse.config.problems import Place

LONGEST_STATEMENT = 200
"""In lines. The keys of a longer one, and those behind it, are reported without a line."""


def lines(text: str) -> dict[Place, int]:
    """The first line of every table and key in a text that tomllib has read."""
    found: dict[Place, int] = {}
    table: Place = ()
    for line, statement, read in _statements(text):
        if statement.lstrip().startswith("["):
            table = _innermost(read)
            places: list[Place] = [table[:depth] for depth in range(1, len(table) + 1)]
        else:
            places = [table + place for place in _places(read)]
        for place in places:
            found.setdefault(place, line)
    return found


def line_of(place: Place, known: Mapping[Place, int]) -> int | None:
    """The line of a place, or of the nearest table around it."""
    for depth in range(len(place), 0, -1):
        if place[:depth] in known:
            return known[place[:depth]]
    return None


def _statements(text: str) -> Iterator[tuple[int, str, dict[str, Any]]]:
    rows = text.splitlines()
    at = 0
    while at < len(rows):
        for end in range(at + 1, min(at + LONGEST_STATEMENT, len(rows)) + 1):
            statement = "\n".join(rows[at:end])
            try:
                read = tomllib.loads(statement)
            except tomllib.TOMLDecodeError:
                continue
            yield at + 1, statement, read
            at = end
            break
        else:
            return


def _innermost(read: dict[str, Any]) -> Place:
    place: Place = ()
    node: Any = read
    while isinstance(node, dict) and node:
        name, node = next(iter(node.items()))
        place += (name,)
    return place


def _places(read: dict[str, Any]) -> Iterator[Place]:
    for name, value in read.items():
        yield (name,)
        if isinstance(value, dict):
            yield from ((name, *rest) for rest in _places(value))

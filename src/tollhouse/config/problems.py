"""What is wrong with a configuration: where, what was found, what is expected, and a hint.

No problem ever shows the value of a secret, or of anything that looks like one.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time

Place = tuple[str | int, ...]
"""The way to a value: ("models", "gpt", "targets", 0)."""

BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
LOOKS_SECRET = re.compile(
    r"\b(?:sk|pk|rk|th[ka]|ghp|hf|xox[a-z]|AKIA|AIza)[-_A-Z0-9]|-----BEGIN"
    r"|(?=[^\s/]*[0-9])(?=[^\s/]*[A-Za-z])[A-Za-z0-9_+=-]{32,}"
)
MOST_SHOWN = 80


class Unfit(ValueError):
    """A text that cannot be read as the value it should be. `found` is fit to be shown."""

    def __init__(self, found: str, *, expected: str | None = None, hint: str | None = None) -> None:
        super().__init__(found)
        self.found = found
        self.expected = expected
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Problem:
    key: str
    found: str
    expected: str
    hint: str | None = None
    line: int | None = None

    def render(self) -> str:
        at = f" (line {self.line})" if self.line else ""
        rows = [("found", self.found), ("expected", self.expected), ("hint", self.hint)]
        return "\n".join(
            [f"  {self.key}{at}"] + [f"    {name:<9} {text}" for name, text in rows if text]
        )


class ConfigInvalid(Exception):
    """The gateway does not start on these settings. Holds every problem, not only the first."""

    def __init__(self, problems: Sequence[Problem], file: str = "the configuration") -> None:
        super().__init__(problems, file)
        self.problems = list(problems)
        self.file = file

    def __str__(self) -> str:
        return self.render()

    def render(self) -> str:
        """For a terminal: one block per problem."""
        count = len(self.problems)
        head = f"{self.file}: {count} problem{'s' if count != 1 else ''}"
        return "\n\n".join([head] + [problem.render() for problem in self.problems])


def dotted(place: Place) -> str:
    """As it would be written in TOML: models."gpt-4.1".targets[0]."""
    text = ""
    for part in place:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += ("." if text else "") + _key(part)
    return text


def shown(value: object) -> str:
    """A value of the file, fit to be shown."""
    match value:
        case bool():
            return "true" if value else "false"
        case int() | float():
            return f"the number {value}"
        case str():
            return _quoted(value)
        case list():
            return "a list"
        case dict():
            return "a table"
        case date() | time() | datetime():
            return "a date or time, written without quotes"
        case _:
            return "nothing"


def kind(value: object) -> str:
    """Of what kind a value is; nothing of the value itself."""
    match value:
        case bool():
            return "true or false"
        case int() | float():
            return "a number"
        case str():
            return "a text"
        case _:
            return shown(value)


def _quoted(text: str) -> str:
    if LOOKS_SECRET.search(text):
        return "a text that looks like a secret (not shown)"
    if len(text) > MOST_SHOWN:
        text = text[:MOST_SHOWN] + "…"
    return '"' + "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text) + '"'


def _key(part: str) -> str:
    return part if BARE_KEY.fullmatch(part) else _quoted(part)

"""What a check is, what it finds, and the line that mends it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from tollhouse.config.problems import Place, dotted

if TYPE_CHECKING:
    from tollhouse.control.doctor.seen import Seen


class Severity(StrEnum):
    UNSAFE = "unsafe"  # somebody can take, read or forge something
    UNFINISHED = "unfinished"  # a guard of the house is not in use
    ADVICE = "advice"  # sound, and could be better


@dataclass(frozen=True, slots=True)
class Mend:
    """Lines for the settings, a command for the shell, and what only words can say."""

    toml: str | None = None
    command: str | None = None
    words: str | None = None


@dataclass(frozen=True, slots=True)
class Ill:
    """One case of what a check looks for."""

    found: str
    mend: Mend


@dataclass(frozen=True, slots=True)
class Check:
    """`answers` are the items of the checklists that this check looks at."""

    id: str
    severity: Severity
    why: str
    answers: tuple[str, ...]
    look: Callable[[Seen], Iterable[Ill]]
    on_store: bool = False


@dataclass(frozen=True, slots=True)
class Finding:
    check: Check
    found: str
    mend: Mend


def lines(place: Place, **values: str | float | list[str]) -> str:
    """A section of the settings, as it stands in the file."""
    rows = [f"{key} = {json.dumps(value)}" for key, value in values.items()]
    return "\n".join([f"[{dotted(place)}]", *rows])

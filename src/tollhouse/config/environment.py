"""Variables of the environment that another gateway reads, and the settings that they are here.

A profile names them. What the file says itself holds instead; two names for one setting have to say the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tollhouse.config.problems import Problem

Names = Mapping[str, Sequence[str]]
NUMBER = re.compile(r"[0-9]{1,9}")


def taken(
    raw: Mapping[str, Any], said: Mapping[str, Names], environ: Mapping[str, str]
) -> tuple[dict[str, Any], list[Problem]]:
    """The settings with them, and what is wrong with them. No value is ever shown."""
    settings, problems = dict(raw), list[Problem]()
    for kind, names in said.items():
        for key, variables in names.items():
            given = [name for name in variables if name in environ]
            place = key.split(".")
            if not given or _has(raw, place):
                continue
            found = list(_wrong(kind, given, environ))
            problems += found
            if not found:
                settings = _with(settings, place, _value(kind, given[0], environ))
    return settings, problems


def _wrong(kind: str, given: Sequence[str], environ: Mapping[str, str]) -> Iterator[Problem]:
    first = given[0]
    for name in given[1:]:
        if environ[name] != environ[first]:
            yield Problem(name, f"another value than {first} has", "one of the two, or the same")
    if kind == "numbers" and not NUMBER.fullmatch(environ[first].strip()):
        yield Problem(first, "a text that is no number", "a whole number")


def _value(kind: str, name: str, environ: Mapping[str, str]) -> Any:
    return int(environ[name]) if kind == "numbers" else f"env:{name}"


def _has(raw: Any, place: Sequence[str]) -> bool:
    for name in place:
        if not isinstance(raw, Mapping) or name not in raw:
            return False
        raw = raw[name]
    return True


def _with(raw: Mapping[str, Any], place: Sequence[str], value: Any) -> dict[str, Any]:
    name, rest = place[0], place[1:]
    if not rest:
        return {**raw, name: value}
    inner = raw.get(name, {})
    if not isinstance(inner, Mapping):
        return dict(raw)  # what stands there is wrong, and is told as it is
    return {**raw, name: _with(inner, rest, value)}

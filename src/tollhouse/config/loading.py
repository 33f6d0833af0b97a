"""From a file to settings, or to everything that is wrong with it, at once.

Cross-checks need settings that hold together, so unfit parts are taken out first; what a check
then says about a part that was taken out is not reported.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from itertools import count, islice
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from tollhouse import data
from tollhouse.config import environment
from tollhouse.config.checks import clashes
from tollhouse.config.lines import line_of, lines
from tollhouse.config.problems import ConfigInvalid, Place, Problem, dotted, shown
from tollhouse.config.secrets import Sources
from tollhouse.config.settings import Settings
from tollhouse.config.wording import problem

DEFAULT_DATA_DIR = Path(str(Settings.model_fields["data_dir"].default))
ENVIRONMENT = "environment"
MAX_BYTES = 8 * 1024 * 1024


def load(path: Path | None, environ: Mapping[str, str], profile: str = "") -> Settings:
    """The settings of a file, or the defaults. Raises ConfigInvalid with every problem there is."""
    if path is None:
        return parse("", environ, profile=profile)
    return parse(_text(path), environ, file=str(path), profile=profile)


def parse(
    text: str, environ: Mapping[str, str], *, file: str = "the configuration", profile: str = ""
) -> Settings:
    """The settings of a TOML text, over those of a profile. Raises ConfigInvalid with every problem there is."""
    raw, misspoken = _raw(text, file, environ, profile)
    settings, errors = _validated(raw, Sources(environ, _data_dir(raw)))
    unfit: list[Place] = [error["loc"] for error in errors]
    found = [(place, problem(error)) for place, error in zip(unfit, errors, strict=True)]
    found += _clashing(settings, unfit)
    found += [((problem.key,), problem) for problem in misspoken]
    if found:
        raise ConfigInvalid(_in_order(found, text), file)
    return settings


def _raw(
    text: str, file: str, environ: Mapping[str, str], profile: str
) -> tuple[dict[str, Any], list[Problem]]:
    if not profile:
        return _toml(text, file), []
    beneath = dict(_profile(profile))
    said = beneath.pop(ENVIRONMENT, {})
    return environment.taken(_over(beneath, _toml(text, file)), said, environ)


def _profile(name: str) -> Mapping[str, Any]:
    known = data.profiles()
    if name not in known:
        problem = Problem("--profile", shown(name), f"one of {', '.join(sorted(known))}")
        raise ConfigInvalid([problem], "the command line")
    return known[name]


def _over(beneath: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Table by table, what is said above holds."""
    merged = {**beneath, **above}
    for name in beneath.keys() & above.keys():
        if isinstance(beneath[name], Mapping) and isinstance(above[name], Mapping):
            merged[name] = _over(beneath[name], above[name])
    return merged


def _clashing(settings: Settings, unfit: list[Place]) -> Iterator[tuple[Place, Problem]]:
    for clash in clashes(settings):
        about = [_as_in_the_file(place, unfit) for place in clash.about]
        if not any(_overlap(place, other) for place in about for other in unfit):
            yield about[0], Problem(dotted(about[0]), clash.found, clash.expected, clash.hint)


def _validated(raw: dict[str, Any], sources: Sources) -> tuple[Settings, list[ErrorDetails]]:
    """What holds of the file, and the errors of what does not."""
    outcome = _attempt(raw, sources)
    errors = outcome if isinstance(outcome, list) else []
    while isinstance(outcome, list):
        for error in reversed(outcome):  # so that items leave a list from its end
            raw = _without(raw, error["loc"])
        outcome = _attempt(raw, sources)
    return outcome, errors


def _attempt(raw: dict[str, Any], sources: Sources) -> Settings | list[ErrorDetails]:
    """pydantic's exception holds the input, secrets too: it does not leave this function."""
    try:
        return Settings.model_validate(raw, context=sources)
    except ValidationError as error:
        return error.errors(include_url=False)


def _without(node: dict[str, Any], place: Place) -> dict[str, Any]:
    """The table without what stands at a place; if nothing does, without what should hold it."""
    name, rest = str(place[0]), place[1:]
    if name not in node:
        return {}
    inner = node[name]
    if rest and isinstance(inner, dict) and (kept := _without(inner, rest)):
        return {**node, name: kept}
    if rest and isinstance(inner, list):
        return {**node, name: [item for at, item in enumerate(inner) if at != rest[0]]}
    return {key: value for key, value in node.items() if key != name}


def _as_in_the_file(place: Place, unfit: list[Place]) -> Place:
    """An item's place before the unfit ones were taken out of its list."""
    around, index = place[:-1], place[-1]
    if not isinstance(index, int):
        return place
    taken = {other[-1] for other in unfit if other[:-1] == around}
    kept = (at for at in count() if at not in taken)
    return (*around, next(islice(kept, index, None)))


def _overlap(one: Place, other: Place) -> bool:
    depth = min(len(one), len(other))
    return one[:depth] == other[:depth]


def _in_order(found: Iterable[tuple[Place, Problem]], text: str) -> list[Problem]:
    """With their lines, in the order of the file."""
    known = lines(text)
    placed = [
        Problem(it.key, it.found, it.expected, it.hint, line_of(place, known))
        for place, it in found
    ]
    return sorted(placed, key=lambda it: it.line or 0)


def _data_dir(raw: dict[str, Any]) -> Path:
    given = raw.get("data_dir")
    return Path(given) if isinstance(given, str) else DEFAULT_DATA_DIR


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            raise _unreadable(path, f"more than {MAX_BYTES} bytes")
        return content.decode("utf-8-sig")
    except FileNotFoundError:
        raise _unreadable(
            path, "no such file", "`tollhouse config init` writes one to start from."
        ) from None
    except OSError as error:
        raise _unreadable(path, str(error.strerror)) from None
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise _unreadable(path, "a text that is not UTF-8", line=line) from None


def _unreadable(
    path: Path, found: str, hint: str | None = None, line: int | None = None
) -> ConfigInvalid:
    return ConfigInvalid([Problem(str(path), found, "a TOML file", hint, line)], str(path))


def _toml(text: str, file: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigInvalid([_syntax(str(error), text)], file) from None
    except RecursionError:
        raise ConfigInvalid([Problem("(syntax)", "lists nested too deep", "TOML")], file) from None


def _syntax(message: str, text: str) -> Problem:
    """tomllib says what and where in one sentence."""
    match = re.search(r" \(at (?:line (\d+), column (\d+)|end of document)\)$", message)
    what = message[: match.start()] if match else message
    if match and match[1]:
        line, place = int(match[1]), f"line {match[1]}, column {match[2]}"
    else:
        line, place = text.count("\n") + 1, "the end of the file"
    return Problem(
        "(syntax)",
        f"{what}, at {place}",
        "TOML: `key = value`, texts in quotes, sections as `[name]`",
        'Texts need quotes: level = "info".' if what == "Invalid value" else None,
        line,
    )

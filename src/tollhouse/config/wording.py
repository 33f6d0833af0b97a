"""How an error of pydantic reads to an operator. The value of a secret is in none of it."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Any

from pydantic_core import ErrorDetails

from tollhouse.config import secrets
from tollhouse.config.fields import MODEL_NAME, MODEL_PATTERN, PEPPER_VERSION, PROVIDER_NAME
from tollhouse.config.problems import Place, Problem, Unfit, dotted, kind, shown
from tollhouse.config.sections.callers import LIMITED
from tollhouse.config.shapes import Shape, members, sections, shape_at, takes

NAMES = {
    "providers": PROVIDER_NAME,
    "issuers": PROVIDER_NAME,
    "static_tokens": PROVIDER_NAME,
    "authorities": PROVIDER_NAME,
    "limits_for": LIMITED,
    "models": MODEL_PATTERN,
    "aliases": MODEL_NAME,
    "auth": PEPPER_VERSION,
    "tokens": PEPPER_VERSION,
    "vault": PEPPER_VERSION,
}


def problem(error: ErrorDetails) -> Problem:
    place, shape = error["loc"], shape_at(error["loc"])
    match error["type"]:
        case "extra_forbidden":
            return _unknown(place)
        case "missing":
            return Problem(dotted(place), "nothing", takes(shape))
    unfit = error.get("ctx", {}).get("error")
    if place[-1] == "[key]":
        expected = NAMES[str(place[0])]
        hint = unfit.hint if isinstance(unfit, Unfit) else None
        return Problem(dotted(place[:-1]), _key_found(place[-2]), expected, hint)
    if isinstance(unfit, Unfit):
        return Problem(dotted(place), unfit.found, unfit.expected or takes(shape), unfit.hint)
    return _wrong(place, shape, error["input"])


def _key_found(name: str | int) -> str:
    return f"the name {shown(name)}"


def _wrong(place: Place, shape: Shape, value: Any) -> Problem:
    """Of the wrong type, or out of range."""
    found = kind(value) if takes(shape) == secrets.TAKES else shown(value)
    if value == [] and shape.get("minItems"):
        found = "an empty list"
    return Problem(dotted(place), found, takes(shape), _hint(shape, value))


def _hint(shape: Shape, value: Any) -> str | None:
    wanted = shape.get("type")
    match value:
        case str() if "enum" in shape:
            return did_you_mean(value, shape["enum"])
        case str() if wanted in ("boolean", "integer", "number"):
            return "Without quotes."
        case str() if wanted == "array":
            return 'In square brackets: ["…"].'
        case int() | float() if wanted == "string":
            return "In quotes."
        case float() if wanted == "integer":
            return "Without a decimal point."
        case _:
            return None


def _unknown(place: Place) -> Problem:
    """What was given to an unknown key is never shown: it may be a secret under a mistyped key."""
    name, around = str(place[-1]), members(place[:-1])
    hint = did_you_mean(name, around) or _alike(place) or _elsewhere(name)
    where = f"in [{dotted(place[:-1])}]" if len(place) > 1 else "at the top of the file"
    return Problem(
        dotted(place), f"a key that is unknown {where}", "one of " + ", ".join(around), hint
    )


def did_you_mean(name: str, known: Any) -> str | None:
    close = get_close_matches(name.lower(), [str(k) for k in known], n=1, cutoff=0.6)
    return f'Did you mean "{close[0]}"?' if close else None


def _alike(place: Place) -> str | None:
    """A key that is right in such a list of tables of another section."""
    match place:
        case (_, _, str(table), int(), str(name)):
            homes = [home for home in sections() if name in members((home, "NAME", table, 0))]
            tables = " or ".join(f"[[{home}.NAME.{table}]]" for home in homes)
            return f"`{name}` belongs to {tables}." if homes else None
    return None


def _elsewhere(name: str) -> str | None:
    """A key that is right, under the wrong section."""
    if name in sections():
        return f"`{name}` stands at the top of the file, above the first [section]."
    homes = [
        f"[{home}]" for home, shape in sections().items() if name in _members_within(home, shape)
    ]
    return f"`{name}` belongs to {' or '.join(homes)}." if homes else None


def _members_within(home: str, shape: Shape) -> tuple[str, ...]:
    return members((home,)) if "properties" in shape else members((home, "NAME"))

"""Secrets taken out of whatever is about to be logged: by the name they stand under, and by shape.

What comes out is made of JSON's own types, bounded in depth, width and length.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Mapping
from functools import lru_cache
from itertools import islice

REDACTED = "[redacted]"
MAX_DEPTH = 8
MAX_ITEMS = 100
MAX_TEXT = 16_384
MAX_LOOKED_THROUGH = 2 * MAX_TEXT
LONGEST_SECRET = 4096

SECRET_STEMS = (
    *("accesskey", "apikey", "authorization", "bearer", "cookie", "credential", "masterkey"),
    *("passphrase", "passwd", "password", "pepper", "privatekey", "secret"),
)
SECRET_ENDINGS = ("token", "jwt", "pwd")
"""Of a word: `max_tokens` is a count, `auth_token` and `authtoken` are secrets."""

WITHHELD_NAMES = frozenset(("body", "completion", "env", "environ", "messages", "prompt"))
"""Content and surroundings: nothing of theirs is needed to find a fault."""

Json = str | int | float | bool | list["Json"] | dict[str, "Json"] | None

_WORD = re.compile(r"[A-Z]?[a-z0-9]+|[A-Z0-9]+(?![a-z])")
_QUOTED = r""""(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'"""
_NUMBER = r"\d+(?=[\s,;&)\]}]|$)"
_UNQUOTED = r"""["']?(?:(?:bearer|basic|digest)\s+)?[^\s"']+"""
_NAMED = re.compile(
    r"(?P<name>(?:(?:access|api|master|private)[_-]?key|authorization|bearer|cookie|credential"
    r"|passphrase|passwd|password|pepper|secret|token|jwt|pwd)[\w-]{0,40})"
    r"(?P<between>\\{0,4}[\"']?\s*[=:]\s*b?\\{0,4}|[\"']\s*,\s*b?)"
    rf"(?P<value>{_QUOTED}|{_NUMBER}|{_UNQUOTED})",
    re.IGNORECASE,
)
_HEADER = re.compile(r"(?P<name>cookie|authorization):[^\r\n]+", re.IGNORECASE)
_USERINFO = re.compile(r"(?<=://)[^\s/?#\"']*@")
_SHAPES = re.compile(
    r"th[kascl]_\w+"
    r"|(?<![A-Za-z0-9])sk-[\w-]{8,}"
    r"|(?<![A-Za-z0-9])(?:gsk|hf|xai|pplx|r8|ghp|gho|ghs|glpat|xox[abprs])[_-][\w-]{16,}"
    r"|(?:AKIA|ASIA)[0-9A-Z]{16}"
    r"|AIza[\w-]{30,}"
    r"|(?<![A-Za-z0-9])eyJ[\w-]{5,600}\.[\w-]+(?:\.[\w-]*)?"
    r"|(?i:\bbearer\s+)[\w.~+/=-]{4,}"
)


def redact(value: object, depth: int = 0) -> Json:
    """The value in JSON's types, without the secrets that it or its names give away."""
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, str):
        return redact_text(value)
    if isinstance(value, bytes | bytearray | memoryview):
        return redact_text(bytes(value[: 4 * MAX_LOOKED_THROUGH]).decode(errors="replace"))
    return _container(value, depth)


def redact_text(text: str) -> str:
    """Cut first, and again after: where the first cut was, half of a secret may be left."""
    given, text = text, text[:MAX_LOOKED_THROUGH]
    is_whole = len(text) == len(given)
    text = _HEADER.sub(_without_header, text)
    text = _NAMED.sub(_without_named, text)
    text = _USERINFO.sub(f"{REDACTED}@", text)
    text = _SHAPES.sub(REDACTED, text)
    return (text if is_whole else text[:-LONGEST_SECRET])[:MAX_TEXT]


def redact_named(name: object, value: object, depth: int = 0) -> Json:
    return REDACTED if _gives_away(_text(name), value) else redact(value, depth)


def _container(value: object, depth: int) -> Json:
    if isinstance(value, type(os.environ)):
        return REDACTED
    if depth >= MAX_DEPTH:
        return "[nested too deep]"
    if isinstance(value, Mapping):
        return {
            redact_text(_text(name)): redact_named(name, inner, depth + 1)
            for name, inner in islice(value.items(), MAX_ITEMS)
        }
    if isinstance(value, tuple) and len(value) == 2 and isinstance(value[0], str | bytes):
        return [redact(value[0]), redact_named(value[0], value[1], depth + 1)]  # a header
    if isinstance(value, list | tuple | set | frozenset):
        return [redact(inner, depth + 1) for inner in islice(value, MAX_ITEMS)]
    return redact_text(_shown(value))


def _gives_away(name: str, value: object) -> bool:
    if isinstance(value, bool) or value is None:
        return False
    is_number = isinstance(value, int | float)
    if name.lower() in WITHHELD_NAMES:
        return not is_number
    return _is_secret(name) or (not is_number and _is_secret(name.rstrip("sS")))


@lru_cache(maxsize=1024)
def _is_secret(name: str) -> bool:
    name = name[:200]
    squashed = "".join(filter(str.isalnum, name)).lower()
    return any(stem in squashed for stem in SECRET_STEMS) or any(
        word.lower().endswith(SECRET_ENDINGS) for word in _WORD.findall(name)
    )


def _without_header(match: re.Match[str]) -> str:
    return f"{match['name']}: {REDACTED}"


def _without_named(match: re.Match[str]) -> str:
    value = match["value"]
    if _gives_away(match["name"], float(value) if value.isdecimal() else value):
        return f"{match['name']}{match['between']}{REDACTED}"
    return match[0]


def _text(name: object) -> str:
    return name.decode(errors="replace") if isinstance(name, bytes) else str(name)


def _shown(value: object) -> str:
    try:
        return repr(value)
    except Exception:
        return f"[{type(value).__name__} that cannot be shown]"

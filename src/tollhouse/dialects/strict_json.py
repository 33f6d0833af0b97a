"""The one parse that every decision rests on, and the re-join that makes sure of it.

Refused: duplicate names at any depth (after unescaping), NaN and Infinity, numbers that
overflow, lone surrogates, anything but UTF-8, trailing data, more than 64 levels or 10,000
members, and at the top names of more than 256 characters. What goes on is the accepted members:
nested bytes untouched, each name once at the top, so no second parser can read another value than
the one that was judged.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

import jiter
import msgspec

from tollhouse.domain.errors import (
    FieldInvalid,
    JsonDuplicateKey,
    JsonMalformed,
    JsonTooDeep,
    JsonTooWide,
)

DEEPEST = 64
MOST_MEMBERS = 10_000
LONGEST_NAME = 256
SHORTEST_MEMBER = 5  # `"":0,`

Raw = msgspec.Raw
Members = dict[str, Raw]
Member = Raw | str | int | None | Sequence[Raw] | Mapping[str, "Member"]
"""As it came, or as it is to be. Bytes are neither: to the encoder they are something else than JSON."""

_members = msgspec.json.Decoder(Members)
_OUTLINE = bytes(
    48 if chr(b) in "0123456789" else 101 if chr(b) in "eE" else 32 for b in range(256)
)
_position = re.compile(r"line \d+ column \d+")


def parse_object(body: bytes) -> dict[str, Any]:
    """The body as one JSON object; raises a Refusal that repeats nothing of it."""
    try:
        value = jiter.from_json(body, catch_duplicate_keys=True, allow_inf_nan=False)
    except ValueError as error:
        raise _refusal(str(error)) from None
    if not isinstance(value, dict):
        raise FieldInvalid("The body must be one JSON object.")
    if body.count(b"[") + body.count(b"{") > DEEPEST and not _is_shallow(value):
        raise JsonTooDeep
    if max(map(len, value), default=0) > LONGEST_NAME or (
        len(body) > MOST_MEMBERS * SHORTEST_MEMBER
        and body.count(b":") > MOST_MEMBERS
        and _members_within(value) > MOST_MEMBERS
    ):
        raise JsonTooWide
    if _may_overflow(body) and _has_infinity(value):
        raise JsonMalformed("The body is not valid JSON: a number overflows.")
    return value


def members(body: bytes) -> Members:
    """The top-level members of an object that was parsed before, each as its own bytes."""
    return _members.decode(body)


encode = msgspec.json.encode


def join(parts: Mapping[str, Member]) -> bytes:
    """An object of the members as they came, and of others as they are to be."""
    return encode(parts)


def _refusal(message: str) -> JsonDuplicateKey | JsonMalformed | JsonTooDeep:
    where = _position.search(message)
    at = f" (at {where[0]})" if where else ""
    if message.startswith("Detected duplicate key"):
        return JsonDuplicateKey(f"An object in the body names a member twice{at}.")
    if message.startswith("recursion limit"):
        return JsonTooDeep()
    reason = message[: where.start()].removesuffix(" at ") if where else "not understood"
    return JsonMalformed(f"The body is not valid JSON: {reason}{at}.")


def _may_overflow(body: bytes) -> bool:
    """A number with an exponent of three digits, or with three hundred: else none reaches infinity."""
    outline = body.translate(_OUTLINE, b"+")
    return outline.find(b"0e000") != -1 or outline.find(b"0" * 300) != -1


def _is_shallow(value: object) -> bool:
    level: list[Any] = [value]
    for _ in range(DEEPEST):
        level = [child for parent in level for child in _children(parent)]
        if not level:
            return True
    return False


def _children(value: object) -> list[Any]:
    if isinstance(value, dict):
        return [child for child in value.values() if isinstance(child, dict | list)]
    if isinstance(value, list):
        return [child for child in value if isinstance(child, dict | list)]
    return []


def _members_within(value: object) -> int:
    count, waiting = 0, [value]
    while waiting:
        parent = waiting.pop()
        count += len(parent) if isinstance(parent, dict) else 0
        waiting.extend(_children(parent))
    return count


def _has_infinity(value: object) -> bool:
    stack = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, float) and math.isinf(item):
            return True
        if isinstance(item, dict):
            stack.extend(item.values())
        elif isinstance(item, list):
            stack.extend(item)
    return False

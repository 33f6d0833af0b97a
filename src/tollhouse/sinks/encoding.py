"""A record's fields as bytes: ASCII, one line, of bounded length."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import msgspec

from tollhouse.domain.audit import shortened
from tollhouse.domain.chain import LONGEST_FIELDS

RESERVED = frozenset({"v", "writer", "seq", "prev", "hash", "signature"})
DEL = 0x7F
RESERVED_KINDS = frozenset({"checkpoint", "recovered", "missing"})


class Unwritable(ValueError):
    """A record that no line can hold; says why."""


def encoded(record: Mapping[str, Any]) -> bytes:
    """The members of a JSON object, `kind` first ("call" unless it says otherwise), without braces.

    Texts are cut until the line is short enough. Raises Unwritable.
    """
    kind = record.get("kind", "call")
    if kind in RESERVED_KINDS or not RESERVED.isdisjoint(record):
        raise Unwritable("It uses a name that the chain keeps for itself.")
    if not isinstance(kind, str) or not _KIND.fullmatch(kind):
        raise Unwritable("Its kind is not a plain word.")
    return fields(record if next(iter(record), None) == "kind" else {"kind": kind, **record})


def fields(record: Mapping[str, Any]) -> bytes:
    """As `encoded`, for the chain's own records too."""
    body = _ascii(record)
    for longest in (1024, 256, 64, 16):
        if len(body) <= LONGEST_FIELDS:
            return body[1:-1]
        body = _ascii(shortened(record, longest))
    if len(body) <= LONGEST_FIELDS:
        return body[1:-1]
    raise Unwritable(f"It has {len(record)} fields, too many for a line.")


_KIND = re.compile(r"[a-z_]{1,40}")
_encode = msgspec.json.Encoder().encode


def _ascii(record: Mapping[str, Any]) -> bytes:
    """The quick encoder leaves what is not ASCII as it is, and DEL: those take the slow one."""
    try:
        body = _encode(record)
        if body.isascii() and DEL not in body:
            return body
    except (UnicodeEncodeError, TypeError):
        pass
    try:
        text = json.dumps(record, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise Unwritable(f"It holds a value that is no JSON: {type(error).__name__}.") from error
    return text.replace("\x7f", "\\u007f").encode("ascii")

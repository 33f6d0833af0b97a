"""The id by which a request is spoken of: the caller's if it fits the pattern, else ours."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Mapping

# Ids tell requests apart and keep no secret: seeded by the system once, not asked for each.
_draw = random.Random().getrandbits  # noqa: S311

_fits = re.compile(rb"[0-9A-Za-z\-_.:/]{1,128}").fullmatch
_is_key = re.compile(rb"(?i)(th[ka]|sk)[-_]").search  # sent by mistake, it would be written down
_NAMES = (b"x-request-id", b"x-correlation-id")


def request_id(fields: Mapping[bytes, bytes]) -> str:
    for name in _NAMES:
        value = fields.get(name)
        if value is not None and _fits(value) and not _is_key(value):
            return value.decode("ascii")
    return f"{_draw(64):016x}"


def new_call_id() -> str:
    """Unique, and beginning with the time, so that the ledger grows at its end."""
    return f"{time.time_ns() // 1_000_000:012x}{_draw(80):020x}"

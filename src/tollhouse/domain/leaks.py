"""Credentials of ours that lie about in a text: a log, a page, somebody's repository.

A key is known by its beginning and its checksum, so what only looks like one is passed over, however much of it
there is. Every look is bounded by the length of the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from tollhouse.domain import credentials
from tollhouse.domain.admin_tokens import TOKEN

MOST = 16 * 1024 * 1024
"""Characters that are looked through at a time."""

# What follows is looked at without being taken, so that nothing that comes before a key can hide it.
_KEY = re.compile(r"thk_(?=([0-9A-Za-z]{12}_[0-9A-Za-z]{38}))")
_FOREIGN = re.compile(r"(?<![0-9A-Za-z])(?:sk-|gw-|tk-|tk_)[0-9A-Za-z_-]{8,200}")


def keys(text: str) -> list[str]:
    """Each once, in the order in which they stand there; their checksums fit."""
    found = (f"thk_{rest}" for rest in _KEY.findall(text))
    return _each_once(key for key in found if credentials.public_id(key))


def admin_tokens(text: str) -> list[str]:
    return _each_once(match[0] for match in TOKEN.finditer(text))


def foreign_keys(text: str) -> list[str]:
    """What another gateway's keys look like."""
    return _each_once(_FOREIGN.findall(text))


def _each_once(found: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(found))

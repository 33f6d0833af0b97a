"""Memory goes back to the system: what a crowd left behind, the allocator would keep for the next one."""

from __future__ import annotations

import ctypes
from collections.abc import Callable

CROWD = 256
"""Fewer connections than this leave nothing worth the walk."""


class Tide:
    """Follows how many connections there are, and tells when most of a crowd has left."""

    def __init__(self, give_back: Callable[[], None]) -> None:
        self._give_back = give_back
        self._most = 0

    def stands_at(self, connections: int) -> None:
        if connections >= self._most:
            self._most = connections
        elif self._most >= CROWD and connections <= self._most // 2:
            self._most = connections
            self._give_back()


def give_back() -> None:
    """Takes milliseconds for each hundred megabytes. Not every C library can do it."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)

"""Which core carries what is measured, and which carry the rest."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Cores:
    system: frozenset[int]
    load: frozenset[int]

    @property
    def are_apart(self) -> bool:
        return not self.system & self.load


def divided() -> Cores:
    """The last core for the system, all others for the load; one core alone is shared."""
    *others, last = sorted(os.sched_getaffinity(0))
    return Cores(frozenset({last}), frozenset(others or {last}))


@contextmanager
def pinned(cores: frozenset[int]) -> Iterator[None]:
    """What is started inside the block stays on these cores, and so do its children."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)

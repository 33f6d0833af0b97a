"""Who may write where: one process to a writer's directory, and the same few directories forever.

A worker takes the first slot that is free and gives it back when it ends, however it ends:
the lock is the kernel's. So a chain outlives its writers, and restarts leave no new ones.
"""

from __future__ import annotations

import fcntl
import os
import re
from dataclasses import dataclass
from pathlib import Path

MOST_SLOTS = 1024


class NoSlotFree(Exception):
    """More writers on one host than there are slots."""


@dataclass(frozen=True, slots=True)
class Slot:
    """A writer's directory, locked until it is released or the process ends."""

    writer: str
    directory: Path
    lock: int

    def release(self) -> None:
        os.close(self.lock)


def claim(directory: Path, host: str) -> Slot:
    """The first free slot of this host. Raises NoSlotFree, OSError."""
    name = re.sub(r"[^0-9A-Za-z.-]", "-", host)[:64] or "host"
    for number in range(MOST_SLOTS):
        writer = f"{name}-w{number}"
        place = directory / writer
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = _locked(place / "lock")
        if lock is not None:
            return Slot(writer, place, lock)
    raise NoSlotFree(f"{directory}: {MOST_SLOTS} writers of {host} are running")


def _locked(path: Path) -> int | None:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    except OSError:
        os.close(descriptor)
        raise
    return descriptor

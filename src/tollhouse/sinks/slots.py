"""Who may write where: one process to a writer's directory, and the same few directories forever.

A worker takes the first slot that is free and gives it back when it ends, however it ends:
the lock is the kernel's. So a chain outlives its writers, and restarts leave no new ones.
"""

from __future__ import annotations

import fcntl
import os
import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

MOST_SLOTS = 1024
HOME = "home"


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


def settle(directory: Path, host: str) -> str:
    """The host's name with that of the directory, which is given once: gateways that share a store,
    even on one host, must not be taken for each other."""
    name = home(directory) or _name(directory)
    return f"{host[:40]}-{name}"


def home(directory: Path) -> str | None:
    """The name that a directory of logs was given."""
    path = directory / HOME
    return path.read_text(encoding="ascii") if path.exists() else None


def is_at_home(writer: str, name: str) -> bool:
    return f"-{name}-w" in writer


def _name(directory: Path) -> str:
    """Whole or not at all, and once: of two that start together, one names it."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    path, draft = directory / HOME, directory / f".{HOME}.{os.getpid()}"
    draft.write_text(os.urandom(4).hex(), encoding="ascii")
    with suppress(FileExistsError):
        path.hardlink_to(draft)
    draft.unlink()
    return path.read_text(encoding="ascii")


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

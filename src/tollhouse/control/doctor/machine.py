"""What the machine says of itself: its processes, disks, mounts and libraries."""

from __future__ import annotations

import os
import resource
import shutil
import socket
import ssl
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from re import findall, match

from tollhouse.storage.owners import Owner

MOUNTS = Path("/proc/self/mounts")
OPENSSL_FLOOR = "3.0.0"
PYTHON_FLOOR = "3.11.0"


@dataclass(frozen=True, slots=True)
class Process:
    """A gateway that runs here, or, if none does, this program in its place (`pid` is None)."""

    pid: int | None
    user: int
    core_bytes: int
    """How much of its memory a crash may write to disk; -1 is all of it."""


@dataclass(frozen=True, slots=True)
class Library:
    name: str
    installed: str
    floor: str

    @property
    def is_below_floor(self) -> bool:
        return _numbers(self.installed) < _numbers(self.floor)


@dataclass(frozen=True, slots=True)
class Machine:
    processes: tuple[Process, ...] = ()
    libraries: tuple[Library, ...] = ()
    mounts: tuple[tuple[Path, str], ...] = ()
    """Where each file system is mounted, and of which kind it is."""

    free_bytes: tuple[tuple[Path, int], ...] = ()

    def kind_of_disk(self, path: Path) -> str:
        around = [mount for mount in self.mounts if path.is_relative_to(mount[0])]
        return max(around, key=lambda mount: len(mount[0].parts), default=(path, ""))[1]


def look(disks: Iterable[Path], gateways: Iterable[Owner]) -> Machine:
    """`gateways` are those that the store knows to live; only those of this host are looked at."""
    here = socket.gethostname()
    found = [_process(owner.pid) for owner in gateways if owner.host == here]
    return Machine(
        tuple(process for process in found if process) or (_this_process(),),
        tuple(_libraries()),
        tuple(_mounts()),
        tuple((path, shutil.disk_usage(existing(path)).free) for path in disks),
    )


def existing(path: Path) -> Path:
    """The path, or the nearest directory above it that is there."""
    whole = path.absolute()
    return next((each for each in (whole, *whole.parents) if each.exists()), Path("/"))


def _process(pid: int) -> Process | None:
    try:
        limits = Path(f"/proc/{pid}/limits").read_text("ascii")
        user = Path(f"/proc/{pid}").stat().st_uid
    except OSError:
        return None
    ((soft,),) = [row.split()[4:5] for row in limits.splitlines() if row.startswith("Max core")]
    return Process(pid, user, -1 if soft == "unlimited" else int(soft))


def _this_process() -> Process:
    return Process(None, os.geteuid(), resource.getrlimit(resource.RLIMIT_CORE)[0])


def _libraries() -> Iterator[Library]:
    """What Tollhouse asks for in its own metadata, and what it stands on without asking."""
    for wanted in metadata.requires("tollhouse") or ():
        named = match(r"([A-Za-z0-9_.-]+)\s*[>=]=\s*([0-9.]+)", wanted)
        if named:
            try:
                yield Library(named[1], metadata.version(named[1]), named[2])
            except metadata.PackageNotFoundError:
                continue  # an extra that is not in use
    yield Library("OpenSSL", ssl.OPENSSL_VERSION.split()[1], OPENSSL_FLOOR)
    yield Library("Python", ".".join(map(str, sys.version_info[:3])), PYTHON_FLOOR)


def _mounts() -> Iterator[tuple[Path, str]]:
    try:
        text = MOUNTS.read_text("utf-8", "replace")
    except OSError:
        return
    for row in text.splitlines():
        _, place, kind, *_ = row.split(" ")
        yield Path(place.replace("\\040", " ")), kind


def _numbers(version: str) -> tuple[int, ...]:
    """Trailing zeros say nothing: 3.0 is 3.0.0."""
    numbers = [int(number) for number in findall(r"\d+", version.split("+")[0])]
    while numbers and not numbers[-1]:
        numbers.pop()
    return tuple(numbers)

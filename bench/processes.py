"""What a process and its children have used, from the kernel's own books (Linux)."""

from __future__ import annotations

import os
import time
from pathlib import Path

_PAGE = os.sysconf("SC_PAGE_SIZE")
_MIB = 1024 * 1024


def family(pid: int) -> list[int]:
    """The process and all that descend from it."""
    parents = _parents()
    found = [pid]
    for one in found:  # grows while it is walked
        found += [child for child, parent in parents.items() if parent == one]
    return found


def cpu_s(pids: list[int]) -> float:
    """User and system time of all their threads: utime + stime of /proc/PID/stat, in nanoseconds' grain."""
    return sum(time.clock_gettime(_cpu_clock(pid)) for pid in pids)


def resident_mb(pids: list[int]) -> float:
    """Pages in memory; those shared between processes count for each."""
    return sum(int(_proc(pid, "statm").split()[1]) for pid in pids) * _PAGE / _MIB


def proportional_mb(pids: list[int]) -> float:
    """Pages in memory; those shared between processes are divided among them."""
    lines = [line for pid in pids for line in _proc(pid, "smaps_rollup").splitlines()]
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


def _parents() -> dict[int, int]:
    parents = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                stat = (folder / "stat").read_text()
            except (FileNotFoundError, ProcessLookupError):
                continue
            parents[int(folder.name)] = int(stat.rpartition(")")[2].split()[1])
    return parents


def _proc(pid: int, name: str) -> str:
    return Path(f"/proc/{pid}/{name}").read_text()


def _cpu_clock(pid: int) -> int:
    return (~pid << 3) | 2  # what clock_getcpuclockid(3) returns on Linux

"""The files of one writer's chain: only whole lines, appended, in files of bounded size.

A file is named for the number of its first record, so names sort as the chain runs.
"""

from __future__ import annotations

import errno
import os
import re
from contextlib import suppress
from pathlib import Path

NAME = re.compile(r"([0-9]{12,18})\.jsonl")
TORN = ".torn"


def chain_files(directory: Path) -> list[Path]:
    """In the order of the chain."""
    files = [path for path in directory.iterdir() if NAME.fullmatch(path.name)]
    return sorted(files, key=first_seq)


def first_seq(path: Path) -> int:
    return int(path.name.removesuffix(".jsonl"))


class ChainFiles:
    """Raises OSError from every method; after that nothing but whole lines is in the file."""

    def __init__(self, directory: Path, rotate_bytes: int, last: Path | None) -> None:
        """`last` is a file to go on with; without it the next line begins a new one."""
        self._directory = directory
        self._rotate_bytes = rotate_bytes
        self._descriptor: int | None = None
        self._size = 0
        self._is_ragged = False
        if last is not None:
            self._open(last)

    def append(self, lines: bytes, seq: int) -> int:
        """How many bytes were taken, all of whole lines, at least one. `seq` is of the first."""
        descriptor = self._descriptor
        if descriptor is None or self._size >= self._rotate_bytes:
            descriptor = self._open(self._directory / f"{seq:012}.jsonl")
        self._mend()
        taken = os.write(descriptor, lines)
        if taken < len(lines):
            taken = lines.rfind(b"\n", 0, taken) + 1
            self._is_ragged = True
        self._size += taken
        with suppress(OSError):  # tried again before the next line is written
            self._mend()
        if not taken:
            raise OSError(errno.ENOSPC, "no room for a whole line")
        return taken

    def sync(self) -> None:
        """Durable on return. A file that was deleted meanwhile is left for a new one."""
        if self._descriptor is None:
            return
        os.fdatasync(self._descriptor)
        if os.fstat(self._descriptor).st_nlink == 0:
            self.close()

    def close(self) -> None:
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)

    def _mend(self) -> None:
        """Cut off what was written of a line that did not fit."""
        if not self._is_ragged or self._descriptor is None:
            return
        if os.fstat(self._descriptor).st_size > self._size:
            os.ftruncate(self._descriptor, self._size)
        self._is_ragged = False

    def _open(self, path: Path) -> int:
        self._mend()
        if self._descriptor is not None:
            os.fdatasync(self._descriptor)
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        descriptor = os.open(path, flags, 0o600)
        self.close()
        self._descriptor = descriptor
        self._size = os.fstat(descriptor).st_size
        sync_directory(self._directory)
        return descriptor


def sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

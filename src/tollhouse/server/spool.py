"""Where an upload waits until its call is over: in memory if it is small, else in a file without a name.

The file is gone when its last descriptor is: after the call, however it ends, and after a process
that died. What all of them take of the disk is bounded.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import IO, TypeVar

from tollhouse.domain.errors import UploadsFull

T = TypeVar("T")

MEMORY_BYTES = 64 * 1024
"""Of one upload."""

READ_BYTES = 128 * 1024


class Disk:
    """What all uploads of this process may take together."""

    def __init__(self, directory: Path, most_bytes: int) -> None:
        self._directory = directory
        self._left = most_bytes

    @property
    def left(self) -> int:
        return self._left

    def take(self, size: int) -> None:
        if size > self._left:
            raise UploadsFull(retry_after_s=5, private="max_disk_bytes is taken")
        self._left -= size

    def give(self, size: int) -> None:
        self._left += size

    def nameless(self) -> IO[bytes]:
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        return tempfile.TemporaryFile(dir=self._directory, buffering=0)


class Spool:
    """Implements Kept. Written from its begin to its end, then read as often as it takes, then closed."""

    def __init__(self, disk: Disk) -> None:
        self._disk = disk
        self._memory = bytearray()
        """What is not in the file: the end of it all."""

        self._in_file = 0
        self._file: IO[bytes] | None = None
        self._working: asyncio.Future[object] | None = None

    def __len__(self) -> int:
        return self._in_file + len(self._memory)

    async def write(self, data: bytes) -> None:
        """Raises UploadsFull."""
        self._memory += data
        if len(self._memory) <= MEMORY_BYTES:
            return
        waiting = bytes(self._memory)
        self._disk.take(len(waiting))
        place, self._in_file = self._in_file, self._in_file + len(waiting)
        self._memory.clear()
        try:
            await self._in_thread(lambda: self._put(waiting, place))
        except OSError as error:
            raise UploadsFull(retry_after_s=5, private=f"an upload was not kept: {error}") from None

    async def read(self, begin: int, end: int) -> AsyncIterator[bytes]:
        while begin < end:
            if begin < self._in_file:
                size = min(end, self._in_file, begin + READ_BYTES) - begin
                piece = await self._in_thread(lambda: self._get(begin, size))  # noqa: B023 - awaited
            else:
                piece = bytes(self._memory[begin - self._in_file : end - self._in_file])
            begin += len(piece)
            yield piece

    def close(self) -> None:
        """Whoever was cut off may have left a thread at work: its file stays open until that is done."""
        if self._working is not None and not self._working.done():
            self._working.add_done_callback(self._let_go)
        else:
            self._let_go(None)

    def _let_go(self, worked: asyncio.Future[object] | None) -> None:
        if worked is not None:
            worked.exception()  # nobody waits for it any more
        self._memory.clear()
        self._disk.give(self._in_file)
        self._in_file = 0
        if self._file is not None:
            self._file.close()
            self._file = None

    async def _in_thread(self, work: Callable[[], T]) -> T:
        """A disk may be slow, and others are served meanwhile."""
        working = asyncio.get_running_loop().run_in_executor(None, work)
        self._working = working  # type: ignore[assignment]  # of whatever kind
        return await asyncio.shield(working)

    def _put(self, data: bytes, place: int) -> None:
        if self._file is None:
            self._file = self._disk.nameless()
        left = memoryview(data)
        while left:
            written = os.pwrite(self._file.fileno(), left, place)
            place += written
            left = left[written:]

    def _get(self, place: int, size: int) -> bytes:
        if self._file is None or not (piece := os.pread(self._file.fileno(), size, place)):
            raise OSError("an upload is shorter than it was")
        return piece

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollhouse.domain.errors import UploadsFull
from tollhouse.server.spool import MEMORY_BYTES, READ_BYTES, Disk, Spool

MIB = 1024 * 1024


@pytest.fixture
def disk(tmp_path: Path) -> Disk:
    return Disk(tmp_path / "uploads", 10 * MIB)


@pytest.fixture
def spool(disk: Disk) -> Iterator[Spool]:
    it = Spool(disk)
    yield it
    it.close()


async def test_what_was_written_is_read_as_often_as_it_takes(spool: Spool) -> None:
    written = os.urandom(3 * READ_BYTES)
    for begin in range(0, len(written), 40_000):
        await spool.write(written[begin : begin + 40_000])

    assert len(spool) == len(written)
    assert await read(spool, 0, len(written)) == written
    assert await read(spool, 0, len(written)) == written


@given(st.lists(st.integers(0, 2 * MEMORY_BYTES), max_size=6), st.data())
def test_any_part_of_what_was_written_can_be_read(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int], data: st.DataObject
) -> None:
    written = [bytes([number + 1]) * size for number, size in enumerate(sizes)]
    end = data.draw(st.integers(0, sum(sizes)))
    begin = data.draw(st.integers(0, end))

    async def run() -> bytes:
        spool = Spool(Disk(tmp_path_factory.getbasetemp() / "spools", 10 * MIB))
        try:
            for piece in written:
                await spool.write(piece)
            return await read(spool, begin, end)
        finally:
            spool.close()

    assert asyncio.run(run()) == b"".join(written)[begin:end]


@pytest.mark.req("S-10")
async def test_what_is_small_never_touches_the_disk(disk: Disk, tmp_path: Path) -> None:
    spool = Spool(disk)

    await spool.write(b"x" * MEMORY_BYTES)

    assert not (tmp_path / "uploads").exists()
    assert disk.left == 10 * MIB
    spool.close()


@pytest.mark.req("S-10", "H-75")
async def test_what_is_large_has_no_name_on_the_disk(spool: Spool, tmp_path: Path) -> None:
    await spool.write(b"x" * MIB)

    assert list((tmp_path / "uploads").iterdir()) == []
    assert (tmp_path / "uploads").stat().st_mode & 0o077 == 0


@pytest.mark.req("S-10")
async def test_the_disk_is_given_back_when_the_call_is_over(disk: Disk) -> None:
    before = _open_files()
    spool = Spool(disk)
    await spool.write(b"x" * MIB)
    assert disk.left == 9 * MIB

    spool.close()

    assert disk.left == 10 * MIB
    assert _open_files() == before


@pytest.mark.req("S-10")
async def test_uploads_together_take_no_more_than_they_may(disk: Disk, spool: Spool) -> None:
    await spool.write(b"x" * (9 * MIB))
    other = Spool(disk)

    with pytest.raises(UploadsFull):
        await other.write(b"x" * (2 * MIB))

    other.close()
    assert disk.left == MIB


async def test_a_disk_that_takes_nothing_is_a_clear_refusal(tmp_path: Path) -> None:
    (tmp_path / "uploads").write_text("not a directory")
    spool = Spool(Disk(tmp_path / "uploads", 10 * MIB))

    with pytest.raises(UploadsFull) as full:
        await spool.write(b"x" * MIB)

    assert full.value.retry_after_s
    spool.close()


@pytest.mark.req("S-10")
async def test_a_file_stays_open_while_a_thread_is_still_writing_it(tmp_path: Path) -> None:
    """Else its number would be another file's by then."""
    disk = SlowDisk(tmp_path, 10 * MIB)
    spool = Spool(disk)
    writing = asyncio.ensure_future(spool.write(b"x" * MIB))
    while not disk.is_asked.is_set():
        await asyncio.sleep(0)

    writing.cancel()
    await asyncio.wait([writing])
    spool.close()
    assert disk.left == 9 * MIB
    disk.may_go_on.set()

    async with asyncio.timeout(5):
        while disk.left < 10 * MIB:
            await asyncio.sleep(0.001)


class SlowDisk(Disk):
    def __init__(self, directory: Path, most_bytes: int) -> None:
        super().__init__(directory, most_bytes)
        self.is_asked, self.may_go_on = threading.Event(), threading.Event()

    def nameless(self) -> IO[bytes]:
        self.is_asked.set()
        self.may_go_on.wait(5)
        return super().nameless()


def _open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


async def read(spool: Spool, begin: int, end: int) -> bytes:
    return b"".join([piece async for piece in spool.read(begin, end)])


async def test_a_large_upload_is_read_in_pieces(spool: Spool) -> None:
    await spool.write(b"x" * (3 * READ_BYTES))

    sizes = [len(piece) async for piece in spool.read(0, 3 * READ_BYTES)]

    assert max(sizes) <= READ_BYTES


def test_a_disk_is_full_when_all_of_it_is_taken(tmp_path: Path) -> None:
    disk = Disk(tmp_path, 10)

    disk.take(10)

    with pytest.raises(UploadsFull):
        disk.take(1)


async def test_what_was_closed_is_empty_and_gives_its_room_back_once(disk: Disk) -> None:
    spool = Spool(disk)
    await spool.write(b"x" * (MEMORY_BYTES + 1))
    await spool.write(b"y")

    spool.close()
    spool.close()

    assert len(spool) == 0
    assert disk.left == 10 * MIB


async def test_an_upload_that_lost_its_end_is_not_waited_for(spool: Spool) -> None:
    await spool.write(b"x" * (MEMORY_BYTES + 1))
    assert spool._file is not None
    spool._file.truncate(1)

    with pytest.raises(OSError, match="shorter than it was"):
        async for _ in spool.read(0, MEMORY_BYTES):
            pass

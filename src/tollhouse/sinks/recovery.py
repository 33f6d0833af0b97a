"""How a writer takes up its chain again, and what it must say about the state it found.

What a crash left of a line is moved to a file beside it, `<file>.torn`, and the chain goes
on in a new file that begins by noting it. A note that a second crash prevented is made
when the chain is opened next.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from tollhouse.domain.chain import Head, beginning, parsed
from tollhouse.sinks.chain_files import TORN, chain_files, first_seq, sync_directory

_BLOCK = 64 * 1024


@dataclass(frozen=True, slots=True)
class Opening:
    """Where a chain goes on: after which record, in which file (None: a new one), with which notes."""

    head: Head
    last: Path | None
    notes: tuple[dict[str, Any], ...]


def reopen(directory: Path, writer: str, anchored: Head | None) -> Opening:
    """Mends the files of a chain that nobody else writes to. Raises OSError."""
    head, touched = beginning(writer), list[Path]()
    for path in reversed(chain_files(directory)):
        touched.insert(0, path)
        found, end = _last_record(path, writer)
        _tear_off(path, end)
        if found is not None:
            head = found
            break
    notes = [note for path in touched if (note := _torn_note(path)) is not None]
    if anchored is not None and _hash_of(directory, head, anchored.seq) != anchored.hash:
        notes.append({"kind": "missing", "anchored": anchored.seq, "anchored_hash": anchored.hash})
    last = touched[-1] if touched and not notes and touched[-1].stat().st_size else None
    return Opening(head, last, tuple(notes))


def _last_record(path: Path, writer: str) -> tuple[Head | None, int]:
    """The last intact record of a file, and where its line ends."""
    size = path.stat().st_size
    span = _BLOCK
    with path.open("rb") as file:
        while True:
            start = max(0, size - span)
            file.seek(start)
            block = file.read(size - start)
            for begin, end in _lines_from_the_end(block, is_whole=start == 0):
                line = parsed(block[begin:end])
                if line and line.is_intact and line.writer == writer:
                    return Head(writer, line.seq, line.hash), start + end
            if start == 0:
                return None, 0
            span *= 4


def _lines_from_the_end(block: bytes, *, is_whole: bool) -> Iterator[tuple[int, int]]:
    end = block.rfind(b"\n") + 1
    while end:
        begin = block.rfind(b"\n", 0, end - 1) + 1
        if begin == 0 and not is_whole:
            return
        yield begin, end
        end = begin


def _tear_off(path: Path, end: int) -> None:
    """Move all after `end` to the file beside; the copy is durable before the original is cut."""
    with path.open("r+b") as file:
        file.seek(end)
        rest = file.read()
        if not rest:
            return
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
        with os.fdopen(os.open(_torn(path), flags, 0o600), "wb") as torn:
            torn.write(rest)
            torn.flush()
            os.fsync(torn.fileno())
        sync_directory(path.parent)
        file.truncate(end)
        os.fsync(file.fileno())


def _torn_note(path: Path) -> dict[str, Any] | None:
    """What is to be said of the torn bytes beside a file, unless the file begins by saying it."""
    if not _torn(path).exists():
        return None
    torn = _torn(path).read_bytes()
    digest = sha256(torn).hexdigest()
    with path.open("rb") as file:
        if digest.encode() in file.read(_BLOCK):
            return None
    return {
        "kind": "recovered",
        "file": path.name,
        "size": len(torn),
        "sha256": digest,
        "lines": torn.count(b"\n"),
    }


def _hash_of(directory: Path, head: Head, seq: int) -> str | None:
    """The hash that the chain has for a record."""
    if seq in (0, head.seq):
        return head.hash if seq == head.seq else beginning(head.writer).hash
    files = [path for path in chain_files(directory) if first_seq(path) <= seq]
    if not files or seq > head.seq:
        return None
    mark = b'"writer":"%b","seq":%d,' % (head.writer.encode(), seq)
    with files[-1].open("rb") as file:
        for raw in file:
            if mark in raw and (line := parsed(raw)) is not None:
                return line.hash
    return None


def _torn(path: Path) -> Path:
    return path.with_name(path.name + TORN)

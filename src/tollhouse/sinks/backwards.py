"""Audit records of all writers here, the newest first: read from the ends of their files."""

from __future__ import annotations

import heapq
import json
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from tollhouse.domain.chain import LONGEST_LINE
from tollhouse.sinks.chain_files import chain_files

BLOCK = 64 * 1024
Record = dict[str, Any]


def newest(
    directory: Path, mark: bytes, is_wanted: Callable[[Record], bool], limit: int, most_lines: int
) -> list[Record]:
    """Of lines that hold the mark, the records that are wanted. Raises OSError.

    No more lines are looked at than `most_lines` for each writer. Whether the chain is sound is not asked here.
    """
    places = [each for each in directory.iterdir() if each.is_dir()] if directory.is_dir() else []
    writers = [islice(_lines(place), most_lines) for place in sorted(places)]
    found = heapq.merge(*(_records(lines, mark) for lines in writers), key=position, reverse=True)
    return list(islice(filter(is_wanted, found), limit))


def position(record: Record) -> str:
    """Where it stands among all: by its moment, then by its place in its chain."""
    return f"{record['at']} {record['writer']} {record['seq']:018}"


def _records(lines: Iterator[bytes], mark: bytes) -> Iterator[Record]:
    for line in lines:
        if mark not in line:
            continue
        try:
            record = json.loads(line)
        except ValueError:
            continue  # torn, or being written at this moment
        if isinstance(record, dict) and {"at", "writer", "seq"} <= record.keys():
            yield record


def _lines(place: Path) -> Iterator[bytes]:
    for path in reversed(chain_files(place)):
        yield from backwards(path)


def backwards(path: Path) -> Iterator[bytes]:
    """The lines of a file from the last to the first, in bounded memory."""
    with path.open("rb") as file:
        end, rest = file.seek(0, 2), b""
        while end > 0:
            begin = max(0, end - BLOCK)
            file.seek(begin)
            rest = file.read(end - begin) + rest
            first, *lines = rest.split(b"\n")
            yield from (line for line in reversed(lines) if line)
            end, rest = begin, first[:LONGEST_LINE]
        if rest:
            yield rest

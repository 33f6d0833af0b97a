"""Reads the plain Parquet files of the house: written from the format's description alone, as an oracle."""

from __future__ import annotations

import struct
from typing import Any

TYPE, NAME, CONVERTED = 1, 4, 6


def read(file: bytes) -> tuple[list[tuple[str, int | None]], list[tuple[Any, ...]]]:
    """Names and converted types of the columns, and the rows."""
    assert file[:4] == file[-4:] == b"PAR1"
    (length,) = struct.unpack("<I", file[-8:-4])
    about, end = _struct(file, len(file) - 8 - length)
    assert end == len(file) - 8
    root, *elements = about[2]
    assert root[5] == len(elements)
    rows: list[tuple[Any, ...]] = []
    for group in about[4]:
        columns = [_column(file, chunk[3]) for chunk in group[1]]
        assert all(len(column) == group[3] for column in columns)
        rows += zip(*columns, strict=True)
    assert about[3] == len(rows)
    return [(each[NAME].decode(), each.get(CONVERTED)) for each in elements], rows


def _column(file: bytes, about: dict[int, Any]) -> list[Any]:
    header, place = _struct(file, about[9])
    assert header[2] == header[3] == about[9] + about[7] - place
    count = header[5][1]
    (levels_length,) = struct.unpack_from("<I", file, place)
    place, levels = place + 4, list[int]()
    values_begin = place + levels_length
    while place < values_begin:
        run, place = _varint(file, place)
        assert run & 1 == 0
        levels += [file[place]] * (run >> 1)
        place += 1
    assert len(levels) == count
    cells: list[Any] = []
    for level in levels:
        if not level:
            cells.append(None)
        elif about[TYPE] == 2:
            cells.append(struct.unpack_from("<q", file, place)[0])
            place += 8
        else:
            (size,) = struct.unpack_from("<I", file, place)
            cells.append(file[place + 4 : place + 4 + size].decode())
            place += 4 + size
    assert place == about[9] + about[7]
    return cells


def _struct(file: bytes, place: int) -> tuple[dict[int, Any], int]:
    found: dict[int, Any] = {}
    number = 0
    while file[place]:
        number, kind = number + (file[place] >> 4), file[place] & 0xF
        found[number], place = _value(file, place + 1, kind)
    return found, place + 1


def _value(file: bytes, place: int, kind: int) -> tuple[Any, int]:
    if kind == 12:
        return _struct(file, place)
    if kind == 9:
        size, kind = file[place] >> 4, file[place] & 0xF
        place += 1
        if size == 15:
            size, place = _varint(file, place)
        items = []
        for _ in range(size):
            item, place = _value(file, place, kind)
            items.append(item)
        return items, place
    count, place = _varint(file, place)
    if kind == 8:
        return file[place : place + count], place + count
    return (count >> 1) ^ -(count & 1), place


def _varint(file: bytes, place: int) -> tuple[int, int]:
    count = shift = 0
    while True:
        byte = file[place]
        count |= (byte & 0x7F) << shift
        place, shift = place + 1, shift + 7
        if byte < 0x80:
            return count, place

"""Parquet files, as plain as the format allows: no compression, no dictionaries, one page a column and group.

Amounts are decimals with nine places, so whoever reads a file adds up dollars exactly.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby, islice

from tollhouse.domain.sheets import Cell, Cells, Column, Kind

MAGIC = b"PAR1"
GROUP_ROWS = 50_000

_INT64, _BYTES = 2, 6
_OPTIONAL = 1
_UTF8, _DECIMAL, _TIMESTAMP_MILLIS = 0, 5, 9
_PLAIN, _RLE = 0, 3
_CONVERTED = {Kind.TEXT: _UTF8, Kind.MONEY: _DECIMAL, Kind.MOMENT: _TIMESTAMP_MILLIS}
_PLACES, _DIGITS = 9, 18

_I32, _I64, _BINARY, _LIST, _STRUCT = 5, 6, 8, 9, 12
Field = tuple[int, int, bytes]
"""Number, type and value, as Thrift's compact protocol has them."""


def parquet(columns: Sequence[Column], rows: Iterable[Cells]) -> Iterator[bytes]:
    """The bytes of a file, a group of rows at a time."""
    yield MAGIC
    place, count, groups = len(MAGIC), 0, []
    remaining = iter(rows)
    while group := list(islice(remaining, GROUP_ROWS)):
        chunks, began = [], place
        for number, column in enumerate(columns):
            page = _page(column, [row[number] for row in group])
            chunks.append(_chunk(column, len(group), place, len(page)))
            place += len(page)
            yield page
        groups.append(
            _fields(_list(1, _STRUCT, chunks), _i64(2, place - began), _i64(3, len(group)))
        )
        count += len(group)
    footer = _footer(columns, groups, count)
    yield footer + struct.pack("<I", len(footer)) + MAGIC


def _page(column: Column, cells: list[Cell]) -> bytes:
    levels = _levels(cells)
    values = [_plain(column, cell) for cell in cells if cell is not None]
    data = struct.pack("<I", len(levels)) + levels + b"".join(values)
    header = _fields(
        _i32(1, 0),
        _i32(2, len(data)),
        _i32(3, len(data)),
        _nested(5, _fields(_i32(1, len(cells)), _i32(2, _PLAIN), _i32(3, _RLE), _i32(4, _RLE))),
    )
    return header + data


def _levels(cells: list[Cell]) -> bytes:
    """Runs of what is there, 1, and of what is not, 0."""
    runs = groupby(cell is not None for cell in cells)
    return b"".join(_varint(sum(1 for _ in run) << 1) + bytes([is_there]) for is_there, run in runs)


def _plain(column: Column, cell: str | int) -> bytes:
    if column.kind is not Kind.TEXT:
        return struct.pack("<q", cell)
    text = str(cell).encode("utf-8", "replace")
    return struct.pack("<I", len(text)) + text


def _chunk(column: Column, count: int, place: int, length: int) -> bytes:
    about = _fields(
        _i32(1, _BYTES if column.kind is Kind.TEXT else _INT64),
        _list(2, _I32, [_zigzag(_PLAIN), _zigzag(_RLE)]),
        _list(3, _BINARY, [_text(column.name)]),
        _i32(4, 0),
        _i64(5, count),
        _i64(6, length),
        _i64(7, length),
        _i64(9, place),
    )
    return _fields(_i64(2, place), _nested(3, about))


def _footer(columns: Sequence[Column], groups: list[bytes], count: int) -> bytes:
    root = _fields((4, _BINARY, _text("rows")), _i32(5, len(columns)))
    return _fields(
        _i32(1, 1),
        _list(2, _STRUCT, [root, *map(_element, columns)]),
        _i64(3, count),
        _list(4, _STRUCT, groups),
        (6, _BINARY, _text("tollhouse")),
    )


def _element(column: Column) -> bytes:
    fields = [
        _i32(1, _BYTES if column.kind is Kind.TEXT else _INT64),
        _i32(3, _OPTIONAL),
        (4, _BINARY, _text(column.name)),
    ]
    if column.kind in _CONVERTED:
        fields.append(_i32(6, _CONVERTED[column.kind]))
    if column.kind is Kind.MONEY:
        fields += [_i32(7, _PLACES), _i32(8, _DIGITS)]
    return _fields(*fields)


def _fields(*fields: Field) -> bytes:
    """A struct: each field after the distance to the one before, and a zero at the end."""
    written, before = bytearray(), 0
    for number, kind, encoded in fields:
        written.append((number - before) << 4 | kind)
        written += encoded
        before = number
    return bytes(written) + b"\0"


def _i32(number: int, count: int) -> Field:
    return number, _I32, _zigzag(count)


def _i64(number: int, count: int) -> Field:
    return number, _I64, _zigzag(count)


def _nested(number: int, encoded: bytes) -> Field:
    return number, _STRUCT, encoded


def _list(number: int, kind: int, items: list[bytes]) -> Field:
    size = len(items)
    head = bytes([size << 4 | kind]) if size < 15 else bytes([0xF0 | kind]) + _varint(size)
    return number, _LIST, head + b"".join(items)


def _text(text: str) -> bytes:
    encoded = text.encode()
    return _varint(len(encoded)) + encoded


def _zigzag(count: int) -> bytes:
    return _varint(count << 1 if count >= 0 else (-count << 1) - 1)


def _varint(count: int) -> bytes:
    written = bytearray()
    while count > 0x7F:
        written.append(count & 0x7F | 0x80)
        count >>= 7
    written.append(count)
    return bytes(written)

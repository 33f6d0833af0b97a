"""Rows under named columns, as programs and spreadsheets take them."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Any

from tollhouse.domain.budget import dollars

Cell = str | int | None
Cells = Sequence[Cell]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Some spreadsheets take the wide forms for the same.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


class Kind(Enum):
    """What the cells of a column are. Amounts are whole nano-dollars, moments milliseconds since the epoch."""

    TEXT = "text"
    COUNT = "count"
    MONEY = "money"
    MOMENT = "moment"


@dataclass(frozen=True, slots=True)
class Column:
    name: str
    kind: Kind = Kind.TEXT


def records(columns: Sequence[Column], rows: Iterable[Cells]) -> Iterator[dict[str, Any]]:
    """For JSON: an amount has two members, the whole number that counts and how it reads."""
    for row in rows:
        record: dict[str, Any] = {}
        for column, cell in zip(columns, row, strict=True):
            if column.kind is Kind.MONEY and (cell is None or isinstance(cell, int)):
                record[f"{column.name}_nanos"] = cell
                record[f"{column.name}_dollars"] = None if cell is None else dollars(cell)
            else:
                record[column.name] = _shown(column, cell)
        yield record


def csv_lines(columns: Sequence[Column], rows: Iterable[Cells]) -> Iterator[str]:
    """Amounts in dollars, with every decimal. No text is taken for a formula where it is opened."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow([column.name for column in columns])
    yield _taken(out)
    for row in rows:
        writer.writerow([_csv(column, cell) for column, cell in zip(columns, row, strict=True)])
        yield _taken(out)


def decimal(nanos: int) -> str:
    """Dollars as a plain number, exactly: 1_500_000 nano-dollars are 0.0015."""
    return dollars(nanos).replace("$", "")


def _csv(column: Column, cell: Cell) -> str:
    if cell is None:
        return ""
    if column.kind is Kind.TEXT or isinstance(cell, str):
        text = str(cell)
        return f"'{text}" if text.startswith(_FORMULA) else text
    return decimal(cell) if column.kind is Kind.MONEY else str(_shown(column, cell))


def _shown(column: Column, cell: Cell) -> Cell:
    if column.kind is not Kind.MOMENT or not isinstance(cell, int):
        return cell
    return (_EPOCH + timedelta(milliseconds=cell)).strftime("%Y-%m-%dT%H:%M:%SZ")


def _taken(out: io.StringIO) -> str:
    text = out.getvalue()
    out.seek(0)
    out.truncate()
    return text

"""Where rows go that a command has made: to a file in the format its name says, or printed."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from tollhouse.cli.printing import note
from tollhouse.domain.parquet import parquet
from tollhouse.domain.sheets import Cells, Column, csv_lines, records

Csv = Annotated[bool, typer.Option("--csv", help="Print CSV.")]
Output = Annotated[
    Path | None,
    typer.Option(help="Write a file instead: its name ends with .csv, .json or .parquet."),
]
FORMATS = (".csv", ".json", ".parquet")


def check_output(output: Path | None) -> None:
    """Before the store is asked."""
    if output is not None and output.suffix not in FORMATS:
        raise typer.BadParameter(f"{output.name!r} does not end with .csv, .json or .parquet")


def print_csv(columns: Sequence[Column], rows: Iterable[Cells]) -> None:
    for line in csv_lines(columns, rows):
        print(line, end="")


def write_file(
    output: Path, columns: Sequence[Column], rows: Sequence[Cells], document: Any = None
) -> None:
    """The whole file or none: only its owner may read it. `document` is what JSON says instead of rows."""
    unfinished = output.with_name(f".{output.name}.unfinished")
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        for piece in _pieces(output.suffix, columns, rows, document):
            file.write(piece)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(output)
    note(f"{len(rows)} rows in {output}")


def _pieces(
    suffix: str, columns: Sequence[Column], rows: Sequence[Cells], document: Any
) -> Iterator[bytes]:
    if suffix == ".parquet":
        yield from parquet(columns, rows)
    elif suffix == ".csv":
        yield from (line.encode("utf-8", "replace") for line in csv_lines(columns, rows))
    else:
        value = list(records(columns, rows)) if document is None else document
        yield json.dumps(value, indent=2, ensure_ascii=False).encode("utf-8", "replace") + b"\n"

"""The newest records come first, whoever wrote them and wherever the blocks of a file end."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tollhouse.sinks.backwards import BLOCK, backwards, newest


@pytest.mark.parametrize("length", [1, 100, 1000, 4000])
@pytest.mark.parametrize("end", [b"", b"\n"])
def test_lines_come_from_the_last_to_the_first(tmp_path: Path, length: int, end: bytes) -> None:
    lines = [f"{n:05}".encode().ljust(length + 5, b"x") for n in range(3 * BLOCK // (length + 6))]
    path = tmp_path / "file"
    path.write_bytes(b"\n".join(lines) + end)

    assert list(backwards(path)) == lines[::-1]


def test_records_of_several_writers_are_told_by_their_moment(tmp_path: Path) -> None:
    write(tmp_path / "a", "000000000001", [record("a", 1, 10), record("a", 2, 40)])
    write(tmp_path / "a", "000000000003", [record("a", 3, 50)])
    write(tmp_path / "b", "000000000001", [record("b", 1, 20), record("b", 2, 30)])

    found = newest(tmp_path, b'"act"', lambda _: True, 4, 100)

    assert [each["at"] for each in found] == ["50", "40", "30", "20"]


def test_torn_lines_and_others_are_passed_over(tmp_path: Path) -> None:
    write(tmp_path / "a", "000000000001", [record("a", 1, 10), '{"kind":"act","at":"1', "[]"])

    found = newest(tmp_path, b'"act"', lambda _: True, 10, 100)

    assert [each["seq"] for each in found] == [1]


def test_no_directory_has_no_records(tmp_path: Path) -> None:
    assert newest(tmp_path / "none", b"", lambda _: True, 10, 100) == []


def record(writer: str, seq: int, at: int) -> str:
    fields: dict[str, Any] = {"kind": "act", "at": str(at), "writer": writer, "seq": seq}
    return json.dumps(fields, separators=(",", ":"))


def write(place: Path, name: str, lines: list[str]) -> None:
    place.mkdir(exist_ok=True)
    (place / f"{name}.jsonl").write_text("".join(f"{line}\n" for line in lines))

"""What a writer finds when it takes up its chain, and what it says of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tollhouse.domain.chain import Head
from tollhouse.domain.findings import Finding, Flaw, Summary
from tollhouse.sinks.file import ChainedLog, Pace
from tollhouse.sinks.inspection import verify
from tollhouse.sinks.keys import load_or_create
from tollhouse.sinks.slots import claim

FIRST = "w-w0/000000000001.jsonl"


@pytest.mark.req("B-3")
def test_a_chain_goes_on_where_it_ended(tmp_path: Path) -> None:
    written(tmp_path, 3)
    written(tmp_path, 3)

    assert [path.name for path in (tmp_path / "w-w0").glob("*.jsonl")] == ["000000000001.jsonl"]
    assert numbers(tmp_path) == [0, 1, 2, 0, 1, 2]
    assert found(tmp_path) == []


@pytest.mark.req("B-3")
def test_a_torn_line_is_kept_beside_and_noted(tmp_path: Path) -> None:
    written(tmp_path, 3)
    append(tmp_path / FIRST, b'{"v":1,"writer":"w-w0","se')

    written(tmp_path, 2)

    assert (tmp_path / (FIRST + ".torn")).read_bytes() == b'{"v":1,"writer":"w-w0","se'
    assert numbers(tmp_path) == [0, 1, 2, 0, 1]
    findings = found(tmp_path)
    assert [finding.kind for finding in findings] == [Flaw.TORN]
    assert not findings[0].is_fault


def test_a_line_torn_again_while_the_first_was_being_noted_is_noted_too(tmp_path: Path) -> None:
    written(tmp_path, 1)
    next_seq = len((tmp_path / FIRST).read_bytes().splitlines()) + 1
    append(tmp_path / (FIRST + ".torn"), b'{"v":1')
    second = tmp_path / "w-w0" / f"{next_seq:012}.jsonl"
    append(second, b'{"v":1,"wri')

    written(tmp_path, 1)
    written(tmp_path, 1)

    assert [finding.kind for finding in found(tmp_path)] == [Flaw.TORN, Flaw.TORN]
    assert numbers(tmp_path) == [0, 0, 0]


def test_torn_bytes_that_change_or_vanish_are_found(tmp_path: Path) -> None:
    written(tmp_path, 1)
    append(tmp_path / FIRST, b"half a line")
    written(tmp_path, 1)
    torn = tmp_path / (FIRST + ".torn")

    torn.write_bytes(b"half a lime")
    edited = faults(tmp_path)
    torn.unlink()
    deleted = faults(tmp_path)

    assert [(fault.kind, fault.file) for fault in edited] == [(Flaw.EDITED, FIRST + ".torn")]
    assert [(fault.kind, fault.file) for fault in deleted] == [(Flaw.DELETED, FIRST + ".torn")]


@pytest.mark.req("S-113")
def test_a_last_record_that_was_edited_is_not_taken_for_a_crash(tmp_path: Path) -> None:
    written(tmp_path, 3)
    path = tmp_path / FIRST
    path.write_bytes(path.read_bytes()[:-10] + b'00000000"}\n'[-10:])

    written(tmp_path, 1)

    assert [fault.kind for fault in faults(tmp_path)] == [Flaw.EDITED]


@pytest.mark.req("B-3")
def test_a_tail_cut_off_while_the_gateway_was_down_is_told_for_good(tmp_path: Path) -> None:
    anchored = written(tmp_path, 5)
    path = tmp_path / FIRST
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:4]))

    head = written(tmp_path, 5, anchored=anchored)
    written(tmp_path, 1, anchored=head)

    assert [fault.kind for fault in faults(tmp_path)] == [Flaw.TRUNCATED]


def test_an_anchored_record_further_back_is_looked_up(tmp_path: Path) -> None:
    anchored = written(tmp_path, 2)
    written(tmp_path, 2)

    written(tmp_path, 1, anchored=anchored)
    assert faults(tmp_path) == []

    written(tmp_path, 1, anchored=Head(anchored.writer, anchored.seq, "0" * 64))
    assert [fault.kind for fault in faults(tmp_path)] == [Flaw.TRUNCATED]


def written(directory: Path, records: int, anchored: Head | None = None) -> Head:
    key = load_or_create(directory / "audit.key")
    log = ChainedLog(claim(directory, "w"), key, anchored=anchored, pace=Pace(sync_s=10))
    for n in range(records):
        log.write({"n": n})
    assert log.close()
    return log.head


def numbers(directory: Path) -> list[int]:
    paths = sorted(directory.glob("*/*.jsonl"))
    told: list[dict[str, Any]] = [
        json.loads(li) for p in paths for li in p.read_text().splitlines()
    ]
    return [record["n"] for record in told if record["kind"] == "call"]


def append(path: Path, data: bytes) -> None:
    with path.open("ab") as file:
        file.write(data)


def found(directory: Path) -> list[Finding]:
    return list(verify(directory, [load_or_create(directory / "audit.key").public], Summary()))


def faults(directory: Path) -> list[Finding]:
    return [finding for finding in found(directory) if finding.is_fault]

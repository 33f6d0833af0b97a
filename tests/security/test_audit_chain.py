"""The promise: whatever is done to the audit files is found, and the record is named."""

from __future__ import annotations

import itertools
import json
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tollhouse.domain.audit import Record, timestamp
from tollhouse.domain.chain import Head, beginning, checkpoint, link, parsed
from tollhouse.domain.findings import Finding, Flaw, Summary
from tollhouse.sinks.file import ChainedLog, Pace
from tollhouse.sinks.inspection import verify
from tollhouse.sinks.keys import PublicKey, load_or_create, load_public
from tollhouse.sinks.slots import claim


class Log:
    """Audit files of two writers, three files each, with anchored heads and the public key."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory / "audit"
        self.anchored: dict[str, Head] = {}
        signing = load_or_create(directory / "audit.key")
        slots = [claim(self.directory, "w"), claim(self.directory, "w")]
        for slot in slots:
            log = ChainedLog(slot, signing, pace=Pace(rotate_bytes=4000, checkpoint_every=6))
            for n in range(20):
                log.write(a_record(n).fields())
                until_written(log)
            assert log.close()
            self.anchored[slot.writer] = log.head
        self.key: PublicKey = load_public(directory / "audit.key.pub")
        self.files = sorted((self.directory / "w-w0").glob("*.jsonl"))
        self.summary = Summary()

    def findings(self, *, is_anchored: bool = True) -> list[Finding]:
        self.summary = Summary()
        heads = self.anchored if is_anchored else {}
        return list(verify(self.directory, [self.key], self.summary, heads))

    def lines(self, file: int) -> list[bytes]:
        return self.files[file].read_bytes().splitlines(keepends=True)

    def put(self, file: int, lines: list[bytes]) -> None:
        self.files[file].write_bytes(b"".join(lines))

    def name(self, file: int) -> str:
        return str(self.files[file].relative_to(self.directory))


@pytest.fixture
def log(tmp_path: Path) -> Log:
    return Log(tmp_path)


@pytest.mark.req("B-3", "OC-41")
def test_an_untouched_log_verifies_with_the_public_key_alone(log: Log) -> None:
    assert log.findings() == []
    assert log.findings(is_anchored=False) == []
    assert log.summary.writers == 2
    assert log.summary.unsigned == 0
    assert len(log.files) >= 3


@pytest.mark.req("B-3", "S-113")
def test_a_flipped_bit_in_any_byte_is_found_and_its_line_named(tmp_path: Path) -> None:
    signing = load_or_create(tmp_path / "audit.key")
    chain = ChainedLog(claim(tmp_path / "audit", "w"), signing)
    for n in range(3):
        chain.write(a_record(n).fields())
    chain.close()
    (path,) = tmp_path.glob("audit/*/*.jsonl")
    original = path.read_bytes()
    bits = random.Random(1)

    for position, byte in enumerate(original):
        flipped = byte ^ (1 << bits.randrange(8))
        path.write_bytes(original[:position] + bytes([flipped]) + original[position + 1 :])
        found = list(verify(tmp_path / "audit", [signing.public], Summary()))

        line = original.count(b"\n", 0, position) + 1
        assert any(f.line == line and f.is_fault for f in found), (position, found)


@pytest.mark.req("B-3", "S-113")
def test_a_cut_at_any_byte_is_found(tmp_path: Path) -> None:
    signing = load_or_create(tmp_path / "audit.key")
    chain = ChainedLog(claim(tmp_path / "audit", "w"), signing)
    chain.write(a_record(1).fields())
    chain.close()
    (path,) = tmp_path.glob("audit/*/*.jsonl")
    original = path.read_bytes()
    anchored = {"w-w0": chain.head}

    for length in range(len(original)):
        path.write_bytes(original[:length])
        found = list(verify(tmp_path / "audit", [signing.public], Summary(), anchored))

        assert {Flaw.TRUNCATED, Flaw.UNTERMINATED, Flaw.DELETED} & {f.kind for f in found}, length


@pytest.mark.req("B-3", "S-113")
def test_an_edited_value_is_named(log: Log) -> None:
    lines = log.lines(1)
    record = json.loads(lines[2])
    lines[2] = lines[2].replace(b'"owed_nanos":', b'"owed_nanos":9')
    log.put(1, lines)

    (finding,) = log.findings()

    assert (finding.kind, finding.file) == (Flaw.EDITED, log.name(1))
    assert (finding.line, finding.seq) == (3, record["seq"])


@pytest.mark.req("B-3", "S-113")
def test_a_deleted_line_a_duplicated_line_and_lines_in_another_order_are_named(log: Log) -> None:
    lines = log.lines(1)
    seqs = [json.loads(line)["seq"] for line in lines]

    log.put(1, [*lines[:2], *lines[3:]])
    assert marks(log.findings()) == [(Flaw.DELETED, log.name(1), seqs[2])]

    log.put(1, [*lines[:3], lines[2], *lines[3:]])
    assert marks(log.findings()) == [(Flaw.INSERTED, log.name(1), seqs[2])]

    log.put(1, [*lines[:2], lines[3], lines[2], *lines[4:]])
    assert marks(log.findings()) == [(Flaw.REORDERED, log.name(1), seqs[2])]


@pytest.mark.req("B-3", "S-113")
def test_deleted_files_are_found_first_middle_or_last(log: Log) -> None:
    for gone in itertools.chain(([n] for n in range(len(log.files))), ([0, 1], [-2, -1])):
        kept = {log.files[n]: log.files[n].read_bytes() for n in gone}
        for path in kept:
            path.unlink()

        (finding,) = log.findings()

        expected = Flaw.TRUNCATED if log.files[-1] in kept else Flaw.DELETED
        assert finding.kind is expected
        assert finding.seq == min(int(path.stem) for path in kept)
        for path, data in kept.items():
            path.write_bytes(data)


@pytest.mark.req("B-3", "S-113")
def test_a_deleted_writer_is_found(log: Log) -> None:
    shutil.rmtree(log.directory / "w-w1")

    assert marks(log.findings()) == [(Flaw.DELETED, "w-w1", 1)]


@pytest.mark.req("S-113")
def test_files_that_changed_places_are_found(log: Log) -> None:
    first, second = log.files[0].read_bytes(), log.files[1].read_bytes()
    log.files[0].write_bytes(second)
    log.files[1].write_bytes(first)

    assert [finding.kind for finding in log.findings()] == [Flaw.REORDERED]


@pytest.mark.req("S-113")
def test_a_splice_from_another_writer_is_found(log: Log) -> None:
    other = sorted((log.directory / "w-w1").glob("*.jsonl"))[1]
    shutil.copy(other, log.files[1])

    kinds = {finding.kind for finding in log.findings()}

    assert kinds == {Flaw.INSERTED, Flaw.DELETED}


@pytest.mark.req("S-113")
def test_a_copied_or_renamed_writer_is_found(log: Log) -> None:
    shutil.copytree(log.directory / "w-w1", log.directory / "w-w7")

    found = log.findings()

    assert found
    assert {finding.file.split("/")[0] for finding in found} == {"w-w7"}


@pytest.mark.req("S-112", "S-113")
def test_a_chain_rewritten_without_the_key_is_forged_at_its_checkpoints(log: Log) -> None:
    rewrite(log, seq=5, is_resigned=False)

    found = log.findings(is_anchored=False)

    assert found
    assert {finding.kind for finding in found} == {Flaw.FORGED}


@pytest.mark.req("S-112")
def test_a_chain_rewritten_and_signed_with_another_key_is_forged(log: Log) -> None:
    rewrite(log, seq=5, is_resigned=True)

    found = log.findings(is_anchored=False)

    assert {finding.kind for finding in found} == {Flaw.FORGED}
    assert all("not given" in finding.says for finding in found)


@pytest.mark.req("B-3")
def test_a_tail_cut_off_after_a_checkpoint_is_found_by_the_anchor(log: Log) -> None:
    log.files[-1].unlink()
    lines = log.lines(-2)
    last = max(n for n, line in enumerate(lines) if b'"kind":"checkpoint"' in line)
    log.put(-2, lines[: last + 1])

    (finding,) = log.findings()

    assert finding.kind is Flaw.TRUNCATED
    assert finding.seq == json.loads(lines[last])["seq"] + 1


def test_a_line_without_end_does_not_fill_the_memory(log: Log) -> None:
    with log.files[-1].open("ab") as file:
        file.write(b"x" * 20_000_000)

    assert [finding.kind for finding in log.findings()] == [Flaw.EDITED]


def test_files_that_no_chain_accounts_for_are_found(log: Log) -> None:
    (log.directory / "w-w0" / "notes.jsonl").write_text("{}\n")
    (log.directory / "w-w0" / "000000000001.jsonl.torn").write_text("x")

    assert [finding.kind for finding in log.findings()] == [Flaw.INSERTED, Flaw.INSERTED]


@pytest.mark.slow
@pytest.mark.req("B-3", "S-110")
def test_killed_at_random_twenty_times_the_chain_verifies_and_only_last_lines_tear(
    tmp_path: Path,
) -> None:
    sizes = random.Random(7)
    signing = load_or_create(tmp_path / "audit.key")

    for _ in range(20):
        before = size(tmp_path)
        writer = subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path)])
        wait_for_size(tmp_path, before + sizes.randrange(1, 2_000_000), writer)
        writer.kill()
        writer.wait()
    closing = ChainedLog(claim(tmp_path / "audit", "w"), signing)
    assert closing.close()

    summary = Summary()
    found = list(verify(tmp_path / "audit", [signing.public], summary, {"w-w0": closing.head}))
    assert [finding for finding in found if finding.is_fault] == []
    assert summary.writers == 1
    assert summary.unsigned == 0
    written = [record["n"] for record in records(tmp_path) if record["kind"] == "call"]
    assert all(b in (a + 1, 0) for a, b in itertools.pairwise(written))


WRITER = """
import sys, time
from pathlib import Path
from tollhouse.sinks.file import ChainedLog, Pace
from tollhouse.sinks.keys import load_or_create
from tollhouse.sinks.slots import claim

directory = Path(sys.argv[1])
pace = Pace(rotate_bytes=500_000, sync_s=0.05)
log = ChainedLog(claim(directory / "audit", "w"), load_or_create(directory / "audit.key"), pace=pace)
n = 0
while True:
    if log.backlog < 5000:
        log.write({"n": n, "text": "x" * 200})
        n += 1
    else:
        time.sleep(0)
"""


def a_record(n: int) -> Record:
    return Record(
        call=f"call_{n}",
        request_id=f"req_{n}",
        at_ns=1_795_255_200_000_000_000 + n,
        route="chat",
        method="POST",
        status=200,
        outcome="ok",
        peer="127.0.0.1",
        latency_ms=5,
        held_nanos=1000 + n,
    )


def rewrite(log: Log, seq: int, *, is_resigned: bool) -> None:
    """Change one record, then make every later hash right, and with it every signature if told."""
    forger = load_or_create(log.directory.parent / "forger.key")
    head = beginning("w-w0")
    for path in log.files:
        forged = []
        for raw in path.read_bytes().splitlines(keepends=True):
            if is_resigned and b'"kind":"checkpoint"' in raw:
                line, head = checkpoint(head, timestamp(0), forger.id, forger.sign)
            else:
                fields = raw[raw.index(b'"kind"') : raw.rindex(b',"hash"')]
                fields += b',"changed":true' if head.seq + 1 == seq else b""
                line, head = link(head, fields)
            assert parsed(line)
            forged.append(line)
        path.write_bytes(b"".join(forged))


def marks(found: list[Finding]) -> list[tuple[Flaw, str, int | None]]:
    return [(finding.kind, finding.file, finding.seq) for finding in found]


def size(directory: Path) -> int:
    return sum(path.stat().st_size for path in directory.glob("audit/*/*.jsonl"))


def records(directory: Path) -> Iterator[dict[str, Any]]:
    for path in sorted(directory.glob("audit/*/*.jsonl")):
        yield from map(json.loads, path.read_bytes().splitlines())


def until_written(log: ChainedLog) -> None:
    seen = log.head.seq
    deadline = time.monotonic() + 10
    while log.backlog and log.head.seq == seen:
        assert time.monotonic() < deadline
        time.sleep(0.001)


def wait_for_size(directory: Path, goal: int, writer: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 30
    while size(directory) < goal:
        assert writer.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.001)

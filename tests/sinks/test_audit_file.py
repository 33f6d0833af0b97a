"""The chained log: queueing, rotation, signing, anchoring, and a disk that refuses."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tollhouse.domain.chain import Head
from tollhouse.domain.findings import Finding, Summary
from tollhouse.sinks.file import ChainedLog, Pace
from tollhouse.sinks.inspection import verify
from tollhouse.sinks.keys import load_or_create
from tollhouse.sinks.slots import claim


@pytest.mark.req("OC-34", "S-111")
def test_every_record_becomes_one_line_in_order(tmp_path: Path) -> None:
    with a_log(tmp_path) as log:
        for n in range(500):
            log.write({"n": n})

    assert [record["n"] for record in records(tmp_path, "call")] == list(range(500))
    assert verified(tmp_path) == []


@pytest.mark.req("S-111")
def test_a_chain_begins_by_saying_that_it_was_opened(tmp_path: Path) -> None:
    with a_log(tmp_path):
        pass

    assert [record["kind"] for record in records(tmp_path)] == ["opened", "checkpoint"]
    assert len(records(tmp_path, "opened")[0]["boot"]) == 16


def test_files_and_their_directory_are_their_owners_alone(tmp_path: Path) -> None:
    with a_log(tmp_path) as log:
        log.write({"n": 1})

    assert (tmp_path / "w-w0").stat().st_mode & 0o777 == 0o700
    assert [path.stat().st_mode & 0o777 for path in files(tmp_path)] == [0o600]


@pytest.mark.req("S-112")
def test_checkpoints_stand_every_so_many_records_and_at_the_end(tmp_path: Path) -> None:
    with a_log(tmp_path, pace=Pace(checkpoint_every=10)) as log:
        until(lambda: log.head.seq >= 2)
        for n in range(25):
            log.write({"n": n})

    seqs = [record["seq"] for record in records(tmp_path, "checkpoint")]
    assert seqs[0] == 2  # signs what the writer before may have left unsigned
    assert [b - a for a, b in pairwise(seqs)] == [11, 11, 6]


@pytest.mark.req("S-112")
def test_a_quiet_log_is_signed_after_a_while(tmp_path: Path) -> None:
    with a_log(tmp_path, pace=Pace(checkpoint_s=0.05)) as log:
        until(lambda: log.head.seq == 2)
        log.write({"n": 1})

        until(lambda: log.head.seq == 4)

    assert [record["kind"] for record in records(tmp_path)][2:] == ["call", "checkpoint"]


@pytest.mark.req("B-3")
def test_the_chain_goes_on_across_files_named_for_their_first_record(tmp_path: Path) -> None:
    with a_log(tmp_path, pace=Pace(rotate_bytes=4096)) as log:
        for n in range(300):
            log.write({"n": n, "text": "x" * 100})
            until(lambda: log.backlog < 8)

    assert len(files(tmp_path)) > 5
    assert all(first(path)["seq"] == int(path.stem) for path in files(tmp_path))
    assert verified(tmp_path) == []


@pytest.mark.req("B-3")
def test_heads_are_anchored_when_their_lines_are_on_disk(tmp_path: Path) -> None:
    seen: list[tuple[Head, str]] = []

    def anchor(head: Head) -> None:
        seen.append((head, files(tmp_path)[-1].read_text()))

    with a_log(tmp_path, anchor=anchor, pace=Pace(anchor_s=0)) as log:
        log.write({"n": 1})
        until(lambda: bool(seen))

    assert all(f'"hash":"{head.hash}"' in text for head, text in seen)
    assert seen[-1][0] == log.head
    assert verified(tmp_path, log.head) == []


def test_anchoring_is_throttled_and_always_done_at_the_end(tmp_path: Path) -> None:
    seen: list[Head] = []

    with a_log(tmp_path, anchor=seen.append, pace=Pace(anchor_s=60)) as log:
        for n in range(100):
            log.write({"n": n})
            until(lambda: log.backlog == 0)

    assert seen == [log.head]


def test_an_anchor_that_fails_is_tried_again_and_stops_no_record(tmp_path: Path) -> None:
    seen: list[Head] = []

    def anchor(head: Head) -> None:
        seen.append(head)
        if len(seen) < 3:
            raise ConnectionError("the store is away")

    with a_log(tmp_path, anchor=anchor, pace=Pace(anchor_s=0.01)) as log:
        log.write({"n": 1})
        until(lambda: len(seen) >= 3)

    assert len(records(tmp_path, "call")) == 1


@pytest.mark.req("OC-40")
def test_a_full_queue_drops_at_once_counts_and_says_so_in_the_chain(tmp_path: Path) -> None:
    with a_log(tmp_path, pace=Pace(queue=10, rotate_bytes=1)) as log, no_way_to_write(tmp_path):
        for n in range(15):
            log.write({"n": n})

        assert log.dropped >= 5
        assert not log.is_healthy

    assert len(records(tmp_path, "call")) + log.dropped == 15
    assert sum(record["records"] for record in records(tmp_path, "dropped")) == log.dropped
    assert log.is_healthy


@pytest.mark.req("OC-40", "S-110")
def test_a_disk_that_refuses_is_counted_and_loses_nothing(tmp_path: Path) -> None:
    with a_log(tmp_path, pace=Pace(rotate_bytes=1)) as log:
        with no_way_to_write(tmp_path):
            for n in range(200):
                log.write({"n": n})
            until(lambda: log.failed > 0)
            assert not log.is_healthy
        until(lambda: log.is_healthy and log.backlog == 0)

    assert [record["n"] for record in records(tmp_path, "call")] == list(range(200))
    assert verified(tmp_path) == []


@pytest.mark.req("S-110")
def test_a_short_write_is_cut_back_to_whole_lines_and_goes_on_later(tmp_path: Path) -> None:
    script = """
import resource, sys, time
from pathlib import Path
from tollhouse.sinks.file import ChainedLog
from tollhouse.sinks.keys import load_or_create
from tollhouse.sinks.slots import claim

def until(holds):
    deadline = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.005)

directory = Path(sys.argv[1])
log = ChainedLog(claim(directory, "w"), load_or_create(directory / "audit.key"))
hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
for n in range(200):
    log.write({"n": n})
until(lambda: log.failed > 1)
data = next((directory / "w-w0").glob("*.jsonl")).read_bytes()
assert 19_000 < len(data) <= 20_000 and data.endswith(b'"}\\n'), len(data)
assert not log.is_healthy
resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
until(lambda: log.is_healthy)
assert log.close()
"""
    subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=True, timeout=60)

    assert [record["n"] for record in records(tmp_path, "call")] == list(range(200))
    assert verified(tmp_path) == []


def test_closing_on_a_disk_that_refuses_ends_at_the_deadline(tmp_path: Path) -> None:
    log = ChainedLog(claim(tmp_path, "w"), key(tmp_path), pace=Pace(rotate_bytes=1))
    until(lambda: log.head.seq == 2)

    with no_way_to_write(tmp_path):
        log.write({"n": 1})
        was_drained = log.close(timeout_s=0.2)

    assert not was_drained
    assert not log.is_healthy


def test_a_log_whose_file_was_deleted_goes_on_in_a_new_one_and_the_loss_shows(
    tmp_path: Path,
) -> None:
    with a_log(tmp_path, pace=Pace(sync_s=0)) as log:
        until(lambda: log.head.seq == 2)
        files(tmp_path)[0].unlink()
        log.write({"n": 1})
        until(lambda: log.head.seq == 3)
        until(lambda: write_and_look(log, tmp_path))

    assert [finding.kind for finding in verified(tmp_path)] == ["deleted"]


@pytest.mark.req("OC-34")
def test_a_record_that_no_line_can_hold_leaves_one_that_says_so(tmp_path: Path) -> None:
    with a_log(tmp_path) as log:
        log.write({"value": object()})

    assert "no JSON" in records(tmp_path, "unwritable")[0]["reason"]
    assert verified(tmp_path) == []


@pytest.mark.req("S-116")
def test_a_clock_that_goes_back_is_recorded(tmp_path: Path) -> None:
    shift = [0]

    with a_log(tmp_path, now_ns=lambda: time.time_ns() + shift[0]) as log:
        until(lambda: log.head.seq == 2)
        shift[0] = -3_600_000_000_000
        log.write({"n": 1})

    assert 3_599_000 < records(tmp_path, "clock")[0]["back_ms"] < 3_601_000


def test_what_is_written_after_closing_is_counted_as_lost(tmp_path: Path) -> None:
    with a_log(tmp_path) as log:
        pass

    log.write({"n": 1})

    assert log.dropped == 1
    assert not log.is_healthy


def test_two_logs_in_one_directory_keep_apart(tmp_path: Path) -> None:
    with a_log(tmp_path) as one, a_log(tmp_path) as two:
        one.write({"n": 1})
        two.write({"n": 2})

    assert (one.head.writer, two.head.writer) == ("w-w0", "w-w1")
    assert verified(tmp_path) == []


@contextmanager
def a_log(directory: Path, **options: Any) -> Iterator[ChainedLog]:
    log = ChainedLog(claim(directory, "w"), key(directory), **options)
    try:
        yield log
    finally:
        assert log.close(10)


@contextmanager
def no_way_to_write(directory: Path) -> Iterator[None]:
    """The writer's directory is away; a log that begins a file per batch cannot write."""
    place = directory / "w-w0"
    elsewhere = place.with_name("elsewhere")
    until(lambda: bool(files(directory)))
    place.rename(elsewhere)
    try:
        yield
    finally:
        elsewhere.rename(place)


def write_and_look(log: ChainedLog, directory: Path) -> bool:
    log.write({"n": 2})
    return bool(files(directory))


def key(directory: Path) -> Any:
    return load_or_create(directory / "audit.key")


def files(directory: Path) -> list[Path]:
    return sorted(directory.glob("*/*.jsonl"))


def first(path: Path) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(path.read_text().splitlines()[0])
    return told


def records(directory: Path, kind: str | None = None) -> list[dict[str, Any]]:
    told = [json.loads(line) for path in files(directory) for line in path.read_text().splitlines()]
    return [record for record in told if kind in (None, record["kind"])]


def verified(directory: Path, *anchored: Head) -> list[Finding]:
    heads = {head.writer: head for head in anchored}
    return list(verify(directory, [key(directory).public], Summary(), heads))


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.002)

"""What can be found wrong with a writer's chain of audit records.

Lines come one at a time and are not kept, so a chain of any length fits in memory. Nothing
is taken on trust: neither what a line says of itself, nor the name of its file. What a chain
alone cannot show, a tail cut off after the last checkpoint, an anchored head does.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from tollhouse.domain.chain import (
    LONGEST_LINE,
    MOST_UNSIGNED,
    Head,
    Line,
    beginning,
    parsed,
    signed,
)
from tollhouse.domain.findings import Finding, Flaw, Summary
from tollhouse.domain.gaps import Gap, Gaps

HasSigned = Callable[[bytes, bytes], bool]
"""Whether the holder of a key made this signature of this text."""


@dataclass(frozen=True, slots=True)
class File:
    """A file of a chain; its name says the number of its first record.

    A line comes with its newline, or cut to LONGEST_LINE bytes; only the last may lack one.
    """

    name: str
    first: int
    lines: Iterable[bytes]


@dataclass(frozen=True, slots=True)
class Recovery:
    """What a chain says of the bytes that were torn off one of its files."""

    file: str
    size: int
    sha256: str
    lines: int
    seq: int


class Inspector:
    """Reads one writer's chain; afterwards `head` and `recoveries` say what it held."""

    def __init__(
        self, writer: str, keys: Mapping[str, HasSigned], anchored: Head | None, summary: Summary
    ) -> None:
        self.head = beginning(writer)
        self.recoveries: dict[str, Recovery] = {}
        self._writer = writer
        self._keys = keys
        self._anchored = anchored
        self._summary = summary
        self._hashes = (self.head.hash, self.head.hash)  # the next record may follow either
        self._unreadable = 0  # records since the head that could not be read
        self._unsigned = 0
        self._gaps = Gaps()
        self._stray: tuple[str, int] | None = None  # the last record, if it was out of place
        self._file = writer
        self._number = 0
        self._head_place = (writer, 0)

    def inspect(self, files: Iterable[File]) -> Iterator[Finding]:
        """Findings as they show; what is missing is known at the end. Files come in order."""
        for file in files:
            self._file, self._number = file.name, 0
            for raw in file.lines:
                self._number += 1
                yield from self._read(raw, file.first)
            if self._number == 0:
                yield self._found(Flaw.TRUNCATED, file.first, "The file is empty.")
        yield from self._finish()

    # --- one line ------------------------------------------------------------------------

    def _read(self, raw: bytes, first: int) -> Iterator[Finding]:
        if not raw.endswith(b"\n") and len(raw) < LONGEST_LINE:
            says = "The file ends in the middle of a line."
            yield self._found(Flaw.UNTERMINATED, self.head.seq + 1, says)
            raw += b"\n"
            if parsed(raw) is None:
                self._unreadable += 1
                return
        line = parsed(raw)
        if line is None:
            yield from self._illegible(raw)
        elif not line.is_intact:
            yield from self._damaged(line, raw)
        elif line.writer != self._writer:
            says = f"The record belongs to the chain of {line.writer}."
            yield from self._misplaced(line, Flaw.INSERTED, says)
        elif line.seq <= self.head.seq:
            yield from self._late(line)
        else:
            yield from self._next(line, first)

    def _illegible(self, raw: bytes) -> Iterator[Finding]:
        says = "The line is not as it was written: it does not have the form of a record."
        yield self._found(Flaw.EDITED, self.head.seq + 1, says)
        self._unreadable += max(1, raw.count(b'{"v":1,'))  # two, if the newline between is gone

    def _damaged(self, line: Line, raw: bytes) -> Iterator[Finding]:
        if line.seq != self.head.seq + 1 or line.writer != self._writer:
            yield from self._illegible(raw)  # what it says of itself cannot be relied on
            return
        says = "The record is not as it was written: its hash does not fit."
        yield self._found(Flaw.EDITED, line.seq, says)
        yield from self._follow(line)

    def _misplaced(self, line: Line, flaw: Flaw, says: str) -> Iterator[Finding]:
        """Name the first of a run of records that are out of place together."""
        before, self._stray = self._stray, (line.writer, line.seq)
        if before != (line.writer, line.seq - 1):
            yield self._found(flaw, line.seq, says)

    def _late(self, line: Line) -> Iterator[Finding]:
        if self._gaps.fill(line.seq):
            self._count(line)
            says = f"The record stands after record {self.head.seq}."
            yield from self._misplaced(line, Flaw.REORDERED, says)
        else:
            says = f"The record stands after record {self.head.seq}, and is not missing before it."
            yield from self._misplaced(line, Flaw.INSERTED, says)

    def _next(self, line: Line, first: int) -> Iterator[Finding]:
        missing = line.seq - self.head.seq - 1
        if missing > self._unreadable:
            gap = Gap(self.head.seq + 1, line.seq - 1, self._file, self._number)
            if not self._gaps.add(gap):
                yield _deleted(gap)
        elif missing == 0 and line.prev not in self._hashes:
            yield self._broken(line)
        elif self._number == 1 and line.seq != first:
            says = f"The file is named for record {first} and begins with record {line.seq}."
            yield self._found(Flaw.EDITED, line.seq, says)
        yield from self._follow(line)

    def _broken(self, line: Line) -> Finding:
        if self.head.seq == 0:
            return self._found(Flaw.EDITED, line.seq, "The record does not begin this chain.")
        says = f"The record was rewritten, or the next was: record {line.seq} follows another one."
        return Finding(*self._head_place, self.head.seq, Flaw.EDITED, says)

    def _follow(self, line: Line) -> Iterator[Finding]:
        """The line is the head from here on."""
        self.head = Head(self._writer, line.seq, line.hash)
        self._head_place = (self._file, self._number)
        self._hashes = (line.hash, line.computed)
        self._unreadable = 0
        self._stray = None
        self._count(line)
        anchored = self._anchored
        if anchored and anchored.seq == line.seq and anchored.hash not in self._hashes:
            says = "The record anchored under this number was another: it was rewritten."
            yield self._found(Flaw.EDITED, line.seq, says)
        if line.kind in ("checkpoint", "recovered", "missing"):
            yield from self._special(line)
        elif self._unsigned == MOST_UNSIGNED + 1:
            says = f"More than {MOST_UNSIGNED} records stand here without a checkpoint."
            yield self._found(Flaw.FORGED, line.seq, says)

    # --- records about the chain itself --------------------------------------------------

    def _special(self, line: Line) -> Iterator[Finding]:
        if line.kind == "checkpoint":
            yield from self._checkpoint(line)
        elif line.kind == "recovered":
            yield self._recovered(line)
        else:
            says = "When the writer began here, the record that was anchored last was gone."
            yield self._found(Flaw.TRUNCATED, line.seq, says)

    def _checkpoint(self, line: Line) -> Iterator[Finding]:
        self._summary.checkpoints += 1
        seal = signed(line)
        has_signed = self._keys.get(seal.key) if seal else None
        if seal is None or has_signed is None:
            by = f"the key {seal.key}, which is not given" if seal else "nobody"
            yield self._found(Flaw.FORGED, line.seq, f"The checkpoint is signed by {by}.")
        elif not has_signed(seal.signature, seal.text):
            says = "The signature does not fit: a record since the last checkpoint was rewritten."
            yield self._found(Flaw.FORGED, line.seq, says)
        else:
            self._unsigned = 0

    def _recovered(self, line: Line) -> Finding:
        try:
            told = json.loads(line.text + b"}")
            values = (str(told["file"]), int(told["size"]), str(told["sha256"]), int(told["lines"]))
        except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
            return self._found(Flaw.EDITED, line.seq, "The record of a recovery is incomplete.")
        recovery = Recovery(*values, line.seq)
        self.recoveries[recovery.file] = recovery
        if recovery.lines:
            says = f"{recovery.lines} lines at the end of {recovery.file} were not as written."
            return self._found(Flaw.EDITED, line.seq, f"{says} They are kept in its .torn file.")
        says = f"A crash left part of a line in {recovery.file}. It is kept in its .torn file."
        return self._found(Flaw.TORN, line.seq, says)

    # --- the end -------------------------------------------------------------------------

    def _finish(self) -> Iterator[Finding]:
        yield from map(_deleted, self._gaps)
        anchored, head = self._anchored, self.head
        if anchored and anchored.seq > head.seq:
            flaw = Flaw.TRUNCATED if head.seq else Flaw.DELETED
            says = f"The chain ends with record {head.seq}, but record {anchored.seq} was anchored."
            file, line = self._head_place
            yield Finding(file, line or None, head.seq + 1, flaw, says)
        if head.seq:
            self._summary.writers += 1
            self._summary.heads[self._writer] = head
        self._summary.unsigned += self._unsigned

    def _count(self, line: Line) -> None:
        summary = self._summary
        summary.records += 1
        self._unsigned += 1
        if self._anchored is None or line.seq > self._anchored.seq:
            summary.unanchored += 1
        if line.at:
            summary.first_at = min(summary.first_at or line.at, line.at)
            summary.last_at = max(summary.last_at or line.at, line.at)

    def _found(self, flaw: Flaw, seq: int | None, says: str) -> Finding:
        return Finding(self._file, self._number or None, seq, flaw, says)


def _deleted(gap: Gap) -> Finding:
    says = f"Records {gap.first} to {gap.last} are missing before this line."
    if gap.first == gap.last:
        says = f"Record {gap.first} is missing before this line."
    return Finding(gap.file, gap.line, gap.first, Flaw.DELETED, says)

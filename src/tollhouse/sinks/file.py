"""Audit records in files, chained and signed.

`write` only queues. One thread encodes, chains and writes what has queued up, a batch at a
time. What the disk does not take stays queued up to a bound and is written later; what the
bound does not take is counted, and the chain says how many records it lacks.
"""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from tollhouse.domain.audit import timestamp
from tollhouse.domain.chain import MOST_UNSIGNED, Head, checkpoint, link
from tollhouse.domain.errors import AuditUnavailable
from tollhouse.sinks.chain_files import ChainFiles
from tollhouse.sinks.due import Due
from tollhouse.sinks.encoding import Unwritable, encoded, fields
from tollhouse.sinks.keys import SigningKey
from tollhouse.sinks.recovery import reopen
from tollhouse.sinks.slots import Slot

BATCH = 64
"""Records chained in one go: the thread must not hold up the event loop for longer."""

GATHER_S = 0.005
RETRY_S = 0.1
CLOCK_STEP_NS = 1_000_000_000
MOST_ACTS = 1000

Anchor = Callable[[Head], None]


@dataclass(frozen=True, slots=True)
class Pace:
    """How much at once and how often."""

    queue: int = 10_000
    rotate_bytes: int = 64 * 1024 * 1024
    checkpoint_every: int = 1000
    checkpoint_s: float = 60.0
    sync_s: float = 1.0
    anchor_s: float = 0.25


class ChainedLog:
    """An AuditSink that owns a writer's chain from its construction until `close`."""

    def __init__(
        self,
        slot: Slot,
        key: SigningKey,
        *,
        anchor: Anchor | None = None,
        anchored: Head | None = None,
        pace: Pace = Pace(),
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        """Takes up the chain where its files end. Raises OSError.

        `anchored` is the head remembered from last time: if the files lack it, the chain says so.
        `anchor` is called from the writing thread with heads that are on disk; if it raises, it
        is called again later.
        """
        opening = reopen(slot.directory, slot.writer, anchored)
        self.is_healthy = True
        self.failed = 0
        """Attempts to write or sync that the disk refused."""

        self.dropped = 0
        """Records that found the queue full."""

        self.head = opening.head
        """The last record on disk."""

        self._slot = slot
        self._key = key
        self._anchor = anchor
        self._pace = pace
        self._now_ns = now_ns
        self._files = ChainFiles(slot.directory, pace.rotate_bytes, opening.last)
        self._queue = deque[Mapping[str, Any]]()
        self._acts = deque[tuple[Mapping[str, Any], Future[None]]]()
        self._told: list[Future[None]] = []  # whoever waits for what was written to be on disk
        self._notes = deque[dict[str, Any]](opening.notes)
        self._notes.append({"kind": "opened", "boot": os.urandom(8).hex()})
        self._pending = b""  # lines of the chain that are not on disk yet
        self._pending_seq = 0
        self._chained = opening.head
        self._unsigned = 0
        self._told_dropped = 0
        self._clock_offset = now_ns() - time.monotonic_ns()
        self._due = Due()
        self._due.checkpoint.within(0)  # signs what a crash left unsigned
        self._is_asleep = False
        self._is_closing = False
        self._deadline = 0.0
        self._wake = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"audit {slot.writer}", daemon=True)
        self._thread.start()

    @property
    def backlog(self) -> int:
        return len(self._queue)

    def write(self, record: Mapping[str, Any]) -> None:
        """Returns at once. The record is handed over: it must not change any more."""
        if self._is_closing or len(self._queue) >= self._pace.queue:
            self.dropped += 1
            self.is_healthy = False
            return
        self._queue.append(record)
        if self._is_asleep:
            self._is_asleep = False
            self._wake.set()

    def enter(self, record: Mapping[str, Any]) -> Future[None]:
        """As `write`, for a record that somebody waits for: done when it is on disk and synced."""
        told: Future[None] = Future()
        if self._is_closing or len(self._acts) >= MOST_ACTS:
            told.set_exception(AuditUnavailable(retry_after_s=5))
            return told
        self._acts.append((record, told))
        self._is_asleep = False
        self._wake.set()
        return told

    def close(self, timeout_s: float = 5.0) -> bool:
        """Write what is queued, sign, sync, anchor. False if the deadline came first."""
        self._deadline = time.monotonic() + timeout_s
        self._is_closing = True
        self._wake.set()
        self._thread.join(timeout_s + RETRY_S)
        if self._thread.is_alive():
            self.is_healthy = False
            return False
        return self._is_clear()

    # --- the writing thread --------------------------------------------------------------

    def _run(self) -> None:
        try:
            while not self._is_closing:
                if self._advance():
                    self._rest()
                else:
                    self._wake.clear()
                    self._wake.wait(RETRY_S)
            self._due.all_at_once()
            while not self._advance() and time.monotonic() < self._deadline:
                time.sleep(RETRY_S)
            self.is_healthy = self._is_clear()
        except BaseException:
            self.is_healthy = False
            raise
        finally:
            self._is_closing = True
            with suppress(OSError):
                self._files.close()
            self._slot.release()

    def _advance(self) -> bool:
        """Write all there is, then sync and anchor if it is time; False if the disk refuses."""
        try:
            while self._pending or self._chain():
                self._put()
            if self._told or self._due.sync.has_come():
                self._files.sync()
                self._due.sync.clear()
                self._tell()
        except OSError:
            self.failed += 1
            self.is_healthy = False
            return False
        self.is_healthy = True
        return self._anchored()

    def _rest(self) -> None:
        """Let records gather, then sleep until there is one or something is due."""
        time.sleep(GATHER_S)
        self._wake.clear()
        self._is_asleep = True  # before the last look: whoever queues after it wakes us
        if not self._queue and not self._acts and not self._is_closing:
            self._wake.wait(self._due.soonest_s())
        self._is_asleep = False

    def _chain(self) -> bool:
        """Make the next lines pending; False if there are none."""
        self._note_losses()
        self._pending_seq = self._chained.seq + 1
        lines = [self._linked(self._noted(self._notes.popleft())) for _ in range(len(self._notes))]
        for _ in range(min(BATCH, len(self._acts))):
            record, told = self._acts.popleft()
            lines.append(self._linked(self._encoded(record)))
            self._told.append(told)
        for _ in range(min(BATCH, len(self._queue))):
            lines.append(self._linked(self._encoded(self._queue.popleft())))
            if self._unsigned >= min(self._pace.checkpoint_every, MOST_UNSIGNED - BATCH):
                lines.append(self._checkpoint())
        if self._unsigned and self._due.checkpoint.has_come():
            lines.append(self._checkpoint())
        self._pending = b"".join(lines)
        return bool(lines)

    def _put(self) -> None:
        taken = self._files.append(self._pending, self._pending_seq)
        self._pending_seq += self._pending.count(b"\n", 0, taken)
        self._pending = self._pending[taken:]
        if not self._pending:
            self.head = self._chained
            self._due.sync.within(self._pace.sync_s)
            self._due.anchor.within(self._pace.anchor_s)

    def _anchored(self) -> bool:
        if self._anchor is None:
            self._due.anchor.clear()
        elif self._due.anchor.has_come():
            self._due.anchor.clear()
            try:
                self._anchor(self.head)
            except Exception:  # whatever the store does, records go on being written
                self._due.anchor.within(self._pace.anchor_s)
                return False
        return True

    def _tell(self) -> None:
        told, self._told = self._told, []
        for each in told:
            if each.set_running_or_notify_cancel():
                each.set_result(None)

    # --- lines ---------------------------------------------------------------------------

    def _linked(self, body: bytes) -> bytes:
        line, self._chained = link(self._chained, body)
        self._unsigned += 1
        self._due.checkpoint.within(self._pace.checkpoint_s)
        return line

    def _checkpoint(self) -> bytes:
        at = timestamp(self._now_ns())
        line, self._chained = checkpoint(self._chained, at, self._key.id, self._key.sign)
        self._unsigned = 0
        self._due.checkpoint.clear()
        return line

    def _encoded(self, record: Mapping[str, Any]) -> bytes:
        try:
            return encoded(record)
        except Unwritable as error:
            return self._noted({"kind": "unwritable", "reason": str(error)})

    def _noted(self, note: dict[str, Any]) -> bytes:
        return fields({"kind": note["kind"], "at": timestamp(self._now_ns()), **note})

    def _note_losses(self) -> None:
        """What the chain must say of itself: records it lacks, and a clock that went back."""
        lost = self.dropped - self._told_dropped
        if lost:
            self._told_dropped += lost
            self._notes.append({"kind": "dropped", "records": lost})
        offset = self._now_ns() - time.monotonic_ns()
        step = offset - self._clock_offset
        self._clock_offset = offset
        if step < -CLOCK_STEP_NS:
            self._notes.append({"kind": "clock", "back_ms": -step // 1_000_000})

    def _is_clear(self) -> bool:
        return not (self._queue or self._acts or self._pending or self._due.sync.is_set)

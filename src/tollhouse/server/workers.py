"""Several serving processes behind one socket, watched by a parent that serves nothing itself.

The parent holds the socket, so a caller that connects while workers change finds somebody there.
A worker that is replaced is asked to leave only once its successor answers.
"""

from __future__ import annotations

import asyncio
import logging
import os
import select
import signal
import socket
import subprocess
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

LISTENER_FD = "TOLLHOUSE_LISTENER_FD"
READY_FD = "TOLLHOUSE_READY_FD"
WORKER = "TOLLHOUSE_WORKER"

log = logging.getLogger("tollhouse.workers")

SHORT_LIFE_S = 10.0
PAUSE_S = 1.0
LOOK_S = 0.05
GRACE_S = 5.0
START_S = 60.0


def inherited_listener() -> socket.socket | None:
    """The socket that the parent handed down; None in a process that has no parent of ours."""
    descriptor = os.environ.get(LISTENER_FD)
    return socket.socket(fileno=int(descriptor)) if descriptor else None


def tell_ready() -> None:
    """Let the parent know that this worker answers."""
    descriptor = os.environ.get(READY_FD)
    if descriptor:
        os.write(int(descriptor), b"1")
        os.close(int(descriptor))


def number() -> int | None:
    """Which of several workers this process is; None where it is the only one, or their parent."""
    slot = os.environ.get(WORKER)
    return int(slot) if slot is not None else None


def when_orphaned(leave: Callable[[], None]) -> None:
    """Call `leave` when the parent is gone, however it went: its end of our input closes."""
    loop = asyncio.get_running_loop()

    def look() -> None:
        if not os.read(0, 1):
            loop.remove_reader(0)
            leave()

    loop.add_reader(0, look)


@dataclass(slots=True)
class Worker:
    slot: int
    process: subprocess.Popen[bytes]
    began_s: float
    ready: int | None
    """The end of a pipe at which it says that it answers; None once it has."""

    leave_by_s: float | None = None

    @property
    def is_alive(self) -> bool:
        return self.process.poll() is None

    def answers(self) -> bool:
        if self.ready is not None and select.select([self.ready], [], [], 0)[0]:
            has_told = bool(os.read(self.ready, 1))
            self.forget()
            return has_told
        return False

    def forget(self) -> None:
        if self.ready is not None:
            os.close(self.ready)
            self.ready = None


class Workers:
    """Starts them, starts anew those that die, replaces them on SIGHUP, and waits for all to be gone."""

    def __init__(
        self,
        command: Sequence[str],
        listener: socket.socket,
        count: int,
        drain_s: float,
        *,
        on_gone: Callable[[int], None],
    ) -> None:
        self._command = command
        self._listener = listener
        self._count = count
        self._drain_s = drain_s
        self._on_gone = on_gone
        self._signals: deque[int] = deque()
        self._is_stopping = False
        self._serving: dict[int, Worker] = {}
        self._leaving: list[Worker] = []
        self._outdated: deque[int] = deque()
        """Slots whose worker is still to be replaced."""

        self._successor: Worker | None = None
        """A new worker that does not answer yet."""

    def run(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, lambda number, _frame: self._signals.append(number))
        for slot in range(self._count):
            self._serving[slot] = self._started(slot)
        while self._serving or self._leaving or self._successor:
            time.sleep(LOOK_S)
            while self._signals:
                self._heed(self._signals.popleft())
            self._look()

    def _heed(self, number: int) -> None:
        if number == signal.SIGHUP:
            if not self._is_stopping:
                self._outdated = deque(range(self._count))
        elif not self._is_stopping:
            self._is_stopping = True
            self._listener.close()  # while it is open anywhere, callers would queue at it in vain
            for worker in self._all():
                self._dismiss(worker)
        elif number == signal.SIGINT:
            for worker in self._all():
                worker.process.send_signal(number)

    def _look(self) -> None:
        for worker in list(self._leaving):
            if not worker.is_alive:
                self._leaving.remove(worker)
                self._bury(worker)
        for worker in list(self._serving.values()):
            if not worker.is_alive:
                del self._serving[worker.slot]
                self._bury(worker)
                self._start_anew(worker)
        self._replace()
        now = time.monotonic()
        for worker in self._all():
            if worker.leave_by_s is not None and now > worker.leave_by_s:
                worker.process.kill()

    def _start_anew(self, dead: Worker) -> None:
        if self._is_stopping:
            return
        status = dead.process.returncode
        log.warning("worker %d ended with status %s: starting another", dead.slot, status)
        time.sleep(PAUSE_S if time.monotonic() - dead.began_s < SHORT_LIFE_S else 0)
        self._serving[dead.slot] = self._started(dead.slot)

    def _replace(self) -> None:
        """The next step: start a successor, or let its predecessor go, or leave all as it is."""
        successor = self._successor
        if successor is None:
            if self._outdated and not self._is_stopping:
                self._successor = self._started(self._outdated.popleft())
        elif successor.answers() and not self._is_stopping:
            self._take_over(successor)
        elif not successor.is_alive:
            self._successor = None
            self._bury(successor)
            self._give_up(f"it ended with status {successor.process.returncode}")
        elif successor.leave_by_s is None and time.monotonic() > successor.began_s + START_S:
            self._dismiss(successor)
            self._give_up(f"it did not answer within {START_S:g} s")

    def _take_over(self, successor: Worker) -> None:
        self._successor = None
        predecessor = self._serving.pop(successor.slot, None)
        self._serving[successor.slot] = successor
        if predecessor is not None:
            self._leaving.append(predecessor)
            self._dismiss(predecessor)
        log.info("worker %d is replaced", successor.slot)

    def _give_up(self, reason: str) -> None:
        """Whoever serves goes on: settings that do not work must not take the gateway down."""
        if not self._is_stopping:
            log.error("a new worker does not answer: %s; the old ones stay", reason)
        self._outdated.clear()

    # --- one worker ---

    def _started(self, slot: int) -> Worker:
        listener = self._listener.fileno()
        ready, tells = os.pipe()
        environment = {
            **os.environ,
            LISTENER_FD: str(listener),
            READY_FD: str(tells),
            WORKER: str(slot),
        }
        process = subprocess.Popen(  # noqa: S603 - our own
            self._command, env=environment, pass_fds=(listener, tells), stdin=subprocess.PIPE
        )
        os.close(tells)
        return Worker(slot, process, time.monotonic(), ready)

    def _dismiss(self, worker: Worker) -> None:
        worker.leave_by_s = time.monotonic() + self._drain_s + GRACE_S
        worker.process.terminate()

    def _bury(self, worker: Worker) -> None:
        worker.forget()
        if worker.process.stdin is not None:
            worker.process.stdin.close()
        self._on_gone(worker.process.pid)

    def _all(self) -> list[Worker]:
        successor = [self._successor] if self._successor else []
        return [*self._serving.values(), *self._leaving, *successor]

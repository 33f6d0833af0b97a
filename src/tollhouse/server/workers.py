"""Several serving processes behind one socket, watched by a parent that serves nothing itself."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from types import FrameType

LISTENER_FD = "TOLLHOUSE_LISTENER_FD"
WORKER = "TOLLHOUSE_WORKER"

log = logging.getLogger("tollhouse.workers")

SHORT_LIFE_S = 10.0
PAUSE_S = 1.0
LOOK_S = 0.05
GRACE_S = 5.0


def inherited_listener() -> socket.socket | None:
    """The socket that the parent handed down; None in a process that has no parent of ours."""
    descriptor = os.environ.get(LISTENER_FD)
    return socket.socket(fileno=int(descriptor)) if descriptor else None


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


class Workers:
    """Starts them, starts anew those that die, passes signals on, and waits for all to be gone."""

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
        self._stop_by: float | None = None
        self._children: dict[int, tuple[subprocess.Popen[bytes], float]] = {}

    def run(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        for slot in range(self._count):
            self._start(slot)
        while self._children:
            time.sleep(LOOK_S)
            self._look()

    def _start(self, slot: int) -> None:
        if self._stop_by is not None:
            return
        descriptor = self._listener.fileno()
        environment = {**os.environ, LISTENER_FD: str(descriptor), WORKER: str(slot)}
        child = subprocess.Popen(  # noqa: S603 - our own
            self._command, env=environment, pass_fds=(descriptor,), stdin=subprocess.PIPE
        )
        self._children[slot] = (child, time.monotonic())

    def _look(self) -> None:
        now = time.monotonic()
        for slot, (child, since) in list(self._children.items()):
            if child.poll() is None:
                if self._stop_by is not None and now > self._stop_by:
                    child.kill()
                continue
            del self._children[slot]
            self._on_gone(child.pid)
            if self._stop_by is None:
                log.warning(
                    "worker %d ended with status %s: starting another", slot, child.returncode
                )
                time.sleep(PAUSE_S if now - since < SHORT_LIFE_S else 0)
                self._start(slot)

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        if self._stop_by is None:
            self._stop_by = time.monotonic() + self._drain_s + GRACE_S
            self._listener.close()  # while it is open anywhere, callers would queue at it in vain
        for child, _ in self._children.values():
            child.terminate()

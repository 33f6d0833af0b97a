"""A parent and its workers, step by step: real processes that do no more than say that they answer."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence

import pytest

from tollhouse.server import workers as module
from tollhouse.server.workers import LISTENER_FD, READY_FD, WORKER, Worker, Workers

ANSWERS = """
import os, signal
os.write(int(os.environ["TOLLHOUSE_READY_FD"]), b"1")
signal.pause()
"""
SILENT = "import signal; signal.pause()"
ENDS = "raise SystemExit(3)"
STAYS = """
import os, signal
signal.signal(signal.SIGTERM, signal.SIG_IGN)
signal.signal(signal.SIGINT, signal.default_int_handler)
os.write(int(os.environ["TOLLHOUSE_READY_FD"]), b"1")
while True:
    signal.pause()
"""
PATIENCE_S = 20.0

pytestmark = pytest.mark.req("P-36", "S-141")


class Parent(Workers):
    """Takes a step when it is told to, and starts what it is told to."""

    def __init__(self, script: str, count: int = 2, drain_s: float = 60) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.gone: list[int] = []
        super().__init__(
            self.starting(script), self.listener, count, drain_s, on_gone=self.gone.append
        )
        for slot in range(count):
            self._serving[slot] = self._started(slot)

    @staticmethod
    def starting(script: str) -> Sequence[str]:
        return [sys.executable, "-I", "-S", "-c", script]

    def then(self, script: str) -> None:
        self._command = self.starting(script)

    def until(self, is_so: Callable[[], bool]) -> None:
        ends = time.monotonic() + PATIENCE_S
        while not is_so():
            assert time.monotonic() < ends, "it never came to that"
            self._look()
            time.sleep(0.002)

    @property
    def pids(self) -> dict[int, int]:
        return {slot: worker.process.pid for slot, worker in self._serving.items()}


@pytest.fixture
def parent(request: pytest.FixtureRequest) -> Iterator[Parent]:
    it = Parent(getattr(request, "param", ANSWERS))
    yield it
    _end(it)


def test_a_process_without_a_parent_inherits_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (LISTENER_FD, READY_FD, WORKER):
        monkeypatch.delenv(name, raising=False)

    module.tell_ready()

    assert (module.inherited_listener(), module.number()) == (None, None)


def test_a_worker_has_the_socket_and_the_number_that_it_was_given_and_tells_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reads, tells = os.pipe()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        monkeypatch.setenv(LISTENER_FD, str(os.dup(listener.fileno())))
        monkeypatch.setenv(READY_FD, str(tells))
        monkeypatch.setenv(WORKER, "0")

        module.tell_ready()
        inherited = module.inherited_listener()

        assert inherited is not None
        assert inherited.getsockname() == listener.getsockname()
        inherited.close()
    assert module.number() == 0
    assert os.read(reads, 9) == b"1"
    assert os.read(reads, 9) == b""
    os.close(reads)


def test_who_dies_is_followed_by_another_in_the_same_place(parent: Parent) -> None:
    before = parent.pids

    parent._serving[1].began_s -= module.SHORT_LIFE_S
    os.kill(before[1], signal.SIGKILL)
    parent.until(lambda: parent.pids.get(1, before[1]) != before[1])

    assert parent.pids[0] == before[0]
    assert parent.gone == [before[1]]


def test_who_dies_young_is_followed_after_a_pause(parent: Parent) -> None:
    before, began = parent.pids, time.monotonic()

    os.kill(before[1], signal.SIGKILL)
    parent.until(lambda: parent.pids.get(1, before[1]) != before[1])

    assert time.monotonic() - began >= module.PAUSE_S


def test_each_is_replaced_once_its_successor_answers(parent: Parent) -> None:
    before = parent.pids

    parent._heed(signal.SIGHUP)
    parent._look()
    parent._look()
    still = parent.pids
    parent.until(lambda: len(parent.gone) == 2 and parent._successor is None)

    assert still == before
    assert set(parent.gone) == set(before.values())
    assert set(parent.pids.values()).isdisjoint(before.values())
    assert sorted(parent.pids) == [0, 1]


def test_a_successor_that_ends_leaves_the_old_ones_where_they_are(
    parent: Parent, caplog: pytest.LogCaptureFixture
) -> None:
    before = parent.pids
    parent.then(ENDS)

    parent._heed(signal.SIGHUP)
    parent.until(lambda: bool(parent.gone))

    assert parent.pids == before
    assert (parent._successor, list(parent._outdated)) == (None, [])
    assert "it ended with status 3; the old ones stay" in caplog.text


def test_a_successor_that_never_answers_is_sent_away_and_the_old_ones_stay(
    parent: Parent, caplog: pytest.LogCaptureFixture
) -> None:
    before = parent.pids
    parent.then(SILENT)
    parent._heed(signal.SIGHUP)
    parent._look()
    assert parent._successor is not None
    parent._successor.began_s -= module.START_S - 5

    parent._look()
    early = parent._successor.leave_by_s
    parent._successor.began_s -= 6
    parent.until(lambda: bool(parent.gone))

    assert early is None
    assert parent.pids == before
    assert caplog.text.count("the old ones stay") == 2  # it is told, and so is its end
    assert list(parent._outdated) == []


def test_who_is_asked_to_stop_stops_and_nobody_is_started(parent: Parent) -> None:
    before = set(parent.pids.values())

    parent._heed(signal.SIGTERM)
    parent._heed(signal.SIGHUP)
    parent.until(lambda: len(parent.gone) == 2)
    parent._look()

    assert set(parent.gone) == before
    assert (parent.pids, parent._successor) == ({}, None)
    assert parent.listener.fileno() == -1


@pytest.mark.parametrize("again", [signal.SIGTERM, signal.SIGINT])
def test_asked_a_second_time_by_a_key_stroke_it_hurries_them(again: int) -> None:
    parent = Parent(STAYS, count=1)
    (worker,) = parent._serving.values()
    parent.until(worker.answers)

    parent._heed(signal.SIGTERM)
    leaves_by = worker.leave_by_s
    parent._heed(again)

    if again == signal.SIGINT:
        parent.until(lambda: bool(parent.gone))
    assert worker.leave_by_s == leaves_by
    assert worker.is_alive is (again == signal.SIGTERM)
    _end(parent)


def test_who_does_not_leave_in_time_is_ended() -> None:
    parent = Parent(STAYS, count=1, drain_s=-module.GRACE_S)
    (worker,) = parent._serving.values()
    parent.until(worker.answers)

    parent._heed(signal.SIGTERM)
    parent.until(lambda: bool(parent.gone))

    assert worker.process.returncode == -signal.SIGKILL
    _end(parent)


def test_a_worker_answers_once_it_says_so_and_not_where_it_only_ends() -> None:
    answering, ending = Parent(ANSWERS, count=1), Parent(ENDS, count=1)
    (well,), (ill,) = answering._serving.values(), ending._serving.values()

    answering.until(well.answers)
    ill.process.wait(PATIENCE_S)

    assert (ill.answers(), well.answers()) == (False, False)
    assert (well.ready, ill.ready) == (None, None)
    well.forget()
    _end(answering)
    _end(ending)


def test_the_parent_of_all_goes_when_the_last_of_them_is_gone() -> None:
    kept = {
        number: signal.getsignal(number)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    }
    gone: list[int] = []
    parent = Workers(
        Parent.starting(ANSWERS), socket.create_server(("127.0.0.1", 0)), 2, 60, on_gone=gone.append
    )

    def ask() -> None:
        ends = time.monotonic() + PATIENCE_S
        while len(parent._serving) < 2 and time.monotonic() < ends:
            time.sleep(0.002)
        os.kill(os.getpid(), signal.SIGTERM)

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        parent.run()
    finally:
        asking.join()
        for number, handler in kept.items():
            signal.signal(number, handler)

    assert len(gone) == 2


def _end(parent: Parent) -> None:
    workers: list[Worker] = parent._all()
    for worker in workers:
        worker.process.kill()
        worker.process.wait()
        parent._bury(worker)
    parent.listener.close()

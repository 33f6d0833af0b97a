"""Runs the tests that come by a guard, in a fork of this process in which the guard is gone.

Tests are collected once and run once as it is, to see which lines each comes by. Each attempt is then
a fork in which the functions of the module have other code: what was made of them before, at import, keeps its own.
"""

from __future__ import annotations

import gc
import json
import mmap
import os
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from types import CodeType, FrameType, FunctionType, ModuleType
from typing import Any, NamedTuple

import pytest
from _pytest.main import pytest_runtestloop
from scripts.mutate.gateways import Forking

FUNCTION = 0x1
SURVIVED, KILLED, NOT_TRIED = range(3)
PATIENCE = 3.0
"""As many times as long as it took before, and as many seconds more, may a test take."""

MOST_BYTES = 8 * 2**30
SOURCE = Path("src/tollhouse").resolve()


class Standing:
    """The functions of a module, found once."""

    def __init__(self, module: ModuleType, raw: bytes) -> None:
        self._path = str(module.__file__)
        self._raw = raw
        self._made: dict[tuple[str, int], list[FunctionType]] = defaultdict(list)
        for it in gc.get_objects():
            if isinstance(it, FunctionType) and it.__code__.co_filename == self._path:
                self._made[it.__code__.co_qualname, it.__code__.co_firstlineno].append(it)

    def put(self, mutated: bytes) -> bool:
        """False if this cannot be done in a function that stands already."""
        then, now = (
            list(_functions(compile(raw, self._path, "exec"))) for raw in (self._raw, mutated)
        )
        is_done = False
        for old, new in zip(then, now, strict=True):
            if (old.co_code, old.co_consts, old.co_names) == (
                new.co_code,
                new.co_consts,
                new.co_names,
            ):
                continue
            for function in self._made[old.co_qualname, old.co_firstlineno]:
                if len(new.co_freevars) != len(function.__code__.co_freevars):
                    return False
                function.__code__ = new
                is_done = True
        return is_done


def _functions(code: CodeType) -> Iterator[CodeType]:
    """Those of the module and of its classes."""
    for each in code.co_consts:
        if isinstance(each, CodeType):
            if each.co_flags & FUNCTION:
                yield each
            else:
                yield from _functions(each)


class Came(NamedTuple):
    """By which lines of which files a test came, and how long it took."""

    took_s: float
    lines: dict[str, list[int]]


class Covering:
    """Which lines each test comes by: a plugin for one run. One byte a line, shared with all that is forked."""

    def __init__(self, files: Sequence[str]) -> None:
        self._places: dict[str, range] = {}
        total = 0
        for file in files:
            self._places[file] = range(total, total + len(Path(file).read_bytes().splitlines()) + 1)
            total = self._places[file].stop
        self._seen = mmap.mmap(-1, max(total, 1))
        self.tests: dict[str, Came] = {}
        self.failed: set[str] = set()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        began = time.monotonic()
        threading.settrace(self._call)
        sys.settrace(self._call)
        try:
            return (yield)
        finally:
            sys.settrace(None)
            seen = bytes(self._seen)
            self._seen[:] = bytes(len(seen))
            lines = {file: _lines(seen[at.start : at.stop]) for file, at in self._places.items()}
            self.tests[item.nodeid] = Came(time.monotonic() - began, lines)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self.failed.add(report.nodeid)

    def _call(self, frame: FrameType, event: str, _arg: object) -> Any:
        place = self._places.get(frame.f_code.co_filename)
        if place is None:
            return None
        start = place.start

        def line(frame: FrameType, _event: str, _arg: object) -> Any:
            self._seen[start + frame.f_lineno] = 1
            return line

        return line(frame, event, None)


def _lines(seen: bytes) -> list[int]:
    return [number for number, was_seen in enumerate(seen) if was_seen]


class Place:
    """The number of the test that is run, also if a fork runs it."""

    def __init__(self) -> None:
        self._bytes = mmap.mmap(-1, 4)

    @property
    def number(self) -> int:
        return int.from_bytes(self._bytes) - 1

    def step(self) -> None:
        self._bytes[:] = (self.number + 2).to_bytes(4)


class Patience:
    """Ends the process in a test that takes far longer than before: a plugin for one run."""

    def __init__(self, usual_s: dict[str, float], place: Place) -> None:
        self._usual_s = usual_s
        self._place = place

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        self._place.step()
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_REAL, PATIENCE * (1 + self._usual_s[item.nodeid]))
        try:
            return (yield)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)


def covered(session: pytest.Session, files: Sequence[str]) -> dict[str, Came]:
    """What each test comes by that passes as it is."""
    with tempfile.TemporaryDirectory() as folder:
        note = Path(folder, "note")

        def run() -> int:
            covering = Covering(files)
            session.config.pluginmanager.register(covering)
            session.config.option.maxfail = 0
            pytest_runtestloop(session)
            note.write_text(json.dumps([covering.tests, sorted(covering.failed)]), "utf-8")
            return SURVIVED

        forked(session, run)
        tests, failed = json.loads(note.read_text("utf-8"))
    for name in failed:
        print(f"fails as it is, and is left out: {name}", flush=True)
        tests.pop(name, None)
    return {name: Came(*came) for name, came in tests.items()}


def tried(session: pytest.Session, put: Callable[[], bool], usual_s: dict[str, float]) -> int:
    """What becomes of a mutant when these tests are run, the quickest first.

    A test that notices must not do so without the mutant, too: machines are busy now and then.
    """
    left = sorted(usual_s, key=lambda test: usual_s[test])
    while True:
        place = Place()
        end = _run(session, put, left, usual_s, place)
        if end in (SURVIVED, NOT_TRIED):
            return end
        if place.number < 0:
            return NOT_TRIED  # it cannot even be compiled
        told = left[place.number]
        if _run(session, lambda: True, [told], usual_s, Place()) is SURVIVED:
            return KILLED
        left = left[place.number + 1 :]


def _run(
    session: pytest.Session,
    put: Callable[[], bool],
    names: Sequence[str],
    usual_s: dict[str, float],
    place: Place,
) -> int:
    items = {item.nodeid: item for item in session.items}

    def run() -> int:
        resource.setrlimit(resource.RLIMIT_AS, (MOST_BYTES, MOST_BYTES))
        if not put():
            return NOT_TRIED
        session.items = [items[name] for name in names]
        session.config.pluginmanager.register(Patience(usual_s, place))
        pytest_runtestloop(session)
        return KILLED if session.testsfailed else SURVIVED

    return forked(session, run)


def forked(session: pytest.Session, run: Callable[[], int]) -> int:
    child = os.fork()
    if child == 0:
        os.setsid()
        silence = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silence, 1)
        os.dup2(silence, 2)
        subprocess.Popen = Forking  # type: ignore[misc]
        end = KILLED
        try:
            end = run()
        finally:
            try:
                session._setupstate.teardown_exact(None)
            finally:
                os._exit(end)
    _, status = os.waitpid(child, 0)
    with suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)  # whatever it has started
    return os.waitstatus_to_exitcode(status)

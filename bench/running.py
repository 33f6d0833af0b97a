"""Processes that the bench starts, and ends in every case by the ids it was given."""

from __future__ import annotations

import http.client
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from bench import wire
from bench.client import Door
from bench.cores import pinned
from bench.systems import System

_ANSWER_S = 10.0
_GRACE_S = 10.0


class Broken(Exception):
    """A system did not start, or ended while it was measured."""


@contextmanager
def kept_port() -> Iterator[int]:
    """A port chosen by the kernel. The open socket keeps it from being given to anyone else."""
    with socket.socket() as keeper:
        keeper.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        keeper.bind(("127.0.0.1", 0))
        yield keeper.getsockname()[1]


@contextmanager
def upstream(cores: frozenset[int]) -> Iterator[int]:
    """The fixed upstream's port."""
    with pinned(cores):
        process = subprocess.Popen(
            [sys.executable, "-m", "bench.upstream"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
    try:
        assert process.stdout
        if not select.select([process.stdout], [], [], _ANSWER_S)[0]:
            raise Broken("the upstream did not start")
        yield int(process.stdout.readline())
    finally:
        _end(process)


@contextmanager
def running(system: System, cores: frozenset[int], log: Path) -> Iterator[tuple[Door, float]]:
    """The started system's door, and the seconds from its start to its first answer."""
    if not system.command:
        yield system.door, 0.0
        return
    with log.open("wb") as out, pinned(cores):
        began = time.perf_counter()
        process = subprocess.Popen(
            system.command,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            env={**_surroundings(), **system.environment},
            start_new_session=True,
        )
    try:
        _await_answer(process, system, log)
        took = time.perf_counter() - began
        yield replace(system.door, pid=process.pid), took
        if process.poll() is not None:
            raise Broken(f"{system.name} ended by itself:\n{_tail(log)}")
    finally:
        _end(process)


def _surroundings() -> dict[str, str]:
    """Ours, but for what would have every start compile its sources anew: no installed service does."""
    return {name: it for name, it in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def _await_answer(process: subprocess.Popen[bytes], system: System, log: Path) -> None:
    deadline = time.perf_counter() + system.start_limit_s
    last = "no connection"
    while time.perf_counter() < deadline:
        if process.poll() is not None:
            raise Broken(f"{system.name} did not start:\n{_tail(log)}")
        try:
            status, body = _asked(system.door)
            if status == 200:
                return wire.Checker().check(status, body)
            last = f"status {status}: {body[:300]!r}"
        except (OSError, http.client.HTTPException) as problem:
            last = str(problem)
        time.sleep(0.002)
    raise Broken(
        f"{system.name} gave no answer within {system.start_limit_s} s ({last}):\n{_tail(log)}"
    )


def _asked(door: Door) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", door.port, timeout=_ANSWER_S)
    try:
        headers = {"Authorization": f"Bearer {door.key}", "Content-Type": "application/json"}
        connection.request("POST", door.path, wire.question(), headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.stdin:
        process.stdin.close()
    process.terminate()
    try:
        process.wait(_GRACE_S)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)  # its own session: nobody else's processes
        process.wait(_GRACE_S)
    if process.stdout:
        process.stdout.close()


def _tail(log: Path) -> str:
    return log.read_text(errors="replace")[-2000:]

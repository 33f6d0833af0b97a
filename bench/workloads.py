"""What is asked of a system, one kind at a time. Each returns figures by name.

Latencies are per question. CPU is that of the system's processes between two moments while
the load is steady, divided by what was answered between them.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Awaitable, Callable
from time import perf_counter

from bench.client import Connection, Door
from bench.crowd import Crowd, gathered
from bench.figures import percentile
from bench.processes import cpu_s, family, resident_mb
from bench.wire import Checker, Flow, WrongAnswer

Figures = dict[str, float]

BURST = Flow(chunks=64, interval_ms=0)
SHORT = Flow(chunks=8, interval_ms=0)
TRICKLE_MS = 50
TRICKLING = 100
OPEN = 1_000


async def saturated(door: Door, seconds: float) -> Figures:
    """64 connections that ask again as soon as they are answered."""
    async with gathered(door, 64) as crowd:
        asking = _Asking(crowd, door)
        window = await asking.window(seconds, door.pid)
    return {
        "request_cpu_us": window.cpu_s * 1e6 / window.answers,
        "requests_s": window.answers / window.seconds,
        "busy_pct": 100 * window.cpu_s / window.seconds,
    }


async def eight(door: Door, seconds: float) -> Figures:
    """8 connections that ask again as soon as they are answered."""
    async with gathered(door, 8) as crowd:
        asking = _Asking(crowd, door)
        await asking.window(seconds, 0)
    return _latencies("eight", asking.took_ms)


async def burst(door: Door, seconds: float) -> Figures:
    """8 connections, each asking for one stream after the other, sent as fast as it goes."""
    async with gathered(door, 8) as crowd:
        asking = _Asking(crowd, door, BURST)
        window = await asking.window(seconds, door.pid)
    return {"burst_chunk_cpu_us": window.cpu_s * 1e6 / (window.answers * BURST.chunks)}


async def paced(door: Door, seconds: float) -> Figures:
    """Questions at a fixed rate, whether or not those before are answered, on 8 connections."""
    async with gathered(door, 8) as crowd:
        pacing = _Pacing(crowd, door)
        await pacing.run(door.rate, seconds)
    return _latencies("paced", pacing.took_ms)


async def first_byte(door: Door, seconds: float) -> Figures:
    """The same with short streams, a sixth as often."""
    async with gathered(door, 8) as crowd:
        pacing = _Pacing(crowd, door, SHORT)
        await pacing.run(door.rate / 6, seconds)
    return _latencies("first_byte", pacing.first_byte_ms)


async def trickle(door: Door, seconds: float) -> Figures:
    """100 streams side by side, their chunks spread evenly over time."""
    flow = Flow(chunks=math.ceil((seconds + 1) * 1000 / TRICKLE_MS), interval_ms=TRICKLE_MS)
    async with gathered(door, TRICKLING) as crowd:
        streaming = _Streaming(crowd, door, flow)
        await streaming.begin(apart_s=TRICKLE_MS / 1000 / TRICKLING)
        await crowd.watch(0.3)
        pids = family(door.pid)
        chunks, cpu = streaming.events(), cpu_s(pids)
        await crowd.watch(seconds)
        chunks, cpu = streaming.events() - chunks, cpu_s(pids) - cpu
        await crowd.watch_until(lambda: streaming.ended == TRICKLING)
    return {"trickle_chunk_cpu_us": cpu * 1e6 / chunks}


async def open_streams(door: Door, seconds: float) -> Figures:
    """1,000 streams that have begun and wait for more; then all callers hang up."""
    async with gathered(door, OPEN) as crowd:
        streaming = _Streaming(crowd, door, Flow(chunks=600, interval_ms=1000))
        await streaming.begin(apart_s=0.0005)
        await crowd.watch(0.2)
        return {"open_mb": resident_mb(family(door.pid))}


WORKLOADS: dict[str, Callable[[Door, float], Awaitable[Figures]]] = {
    "saturated": saturated,
    "eight": eight,
    "paced": paced,
    "first_byte": first_byte,
    "trickle": trickle,
    "burst": burst,
    "open_streams": open_streams,
}


class _Window:
    """Answers and CPU between two moments."""

    def __init__(self, answers: int, pid: int) -> None:
        self._pids = family(pid) if pid else []
        self._began = perf_counter(), answers, cpu_s(self._pids)
        self.seconds = self.cpu_s = 0.0
        self.answers = 0

    def close(self, answers: int) -> None:
        at, before, cpu = self._began
        self.seconds = perf_counter() - at
        self.cpu_s = cpu_s(self._pids) - cpu
        self.answers = answers - before
        if not self.answers:
            raise WrongAnswer("nothing was answered while it was measured")


class _Asking:
    """Closed loop: every connection asks again as soon as it is answered."""

    def __init__(self, crowd: Crowd, door: Door, flow: Flow | None = None) -> None:
        self._crowd = crowd
        self._request = door.request(flow)
        self._checker = Checker(flow)
        self._is_stopping = False
        self._resting = 0
        self.took_ms: list[float] = []

    async def window(self, seconds: float, pid: int) -> _Window:
        for connection in self._crowd.connections:
            connection.ask(self._request, self._answered)
        await self._crowd.watch(seconds / 4)
        warm = len(self.took_ms)
        window = _Window(warm, pid)
        await self._crowd.watch(seconds)
        window.close(len(self.took_ms))
        self._is_stopping = True
        await self._crowd.watch_until(lambda: self._resting == len(self._crowd.connections))
        del self.took_ms[:warm]
        return window

    def _answered(self, connection: Connection) -> None:
        self._crowd.judge(connection, self._checker)
        self.took_ms.append((connection.answered_at - connection.asked_at) * 1000)
        if self._is_stopping:
            self._resting += 1
        else:
            connection.ask(self._request, self._answered)


class _Pacing:
    """Open loop: a question's clock starts when its turn comes, also if all connections are taken."""

    def __init__(self, crowd: Crowd, door: Door, flow: Flow | None = None) -> None:
        self._crowd = crowd
        self._request = door.request(flow)
        self._checker = Checker(flow)
        self._free = deque(crowd.connections)
        self._waiting: deque[float] = deque()
        self._due: dict[Connection, float] = {}
        self.took_ms: list[float] = []
        self.first_byte_ms: list[float] = []

    async def run(self, rate: float, seconds: float) -> None:
        began = perf_counter()
        for turn in range(math.ceil(rate * seconds)):
            await self._crowd.watch(max(0.0, began + turn / rate - perf_counter()))
            self._waiting.append(perf_counter())
            self._go()
        await self._crowd.watch_until(lambda: len(self._free) == len(self._crowd.connections))

    def _go(self) -> None:
        while self._waiting and self._free:
            connection = self._free.popleft()
            self._due[connection] = self._waiting.popleft()
            connection.ask(self._request, self._answered)

    def _answered(self, connection: Connection) -> None:
        due = self._due.pop(connection)
        self.took_ms.append((connection.answered_at - due) * 1000)
        self.first_byte_ms.append((connection.first_byte_at - due) * 1000)
        self._crowd.judge(connection, self._checker)
        self._free.append(connection)
        self._go()


class _Streaming:
    """One stream on every connection."""

    def __init__(self, crowd: Crowd, door: Door, flow: Flow) -> None:
        self._crowd = crowd
        self._request = door.request(flow)
        self._checker = Checker(flow)
        self.ended = 0

    async def begin(self, apart_s: float) -> None:
        """Returns when each has had its first chunk."""
        began = perf_counter()
        for turn, connection in enumerate(self._crowd.connections):
            while perf_counter() < began + turn * apart_s:
                await asyncio.sleep(0)  # the loop's timers are too coarse to spread the streams
            connection.ask(self._request, self._ended)
        await self._crowd.watch_until(lambda: all(one.parts for one in self._crowd.connections))

    def events(self) -> int:
        return sum(connection.body.count(b"\n\n") for connection in self._crowd.connections)

    def _ended(self, connection: Connection) -> None:
        self._crowd.judge(connection, self._checker)
        self.ended += 1


def _latencies(name: str, took_ms: list[float]) -> Figures:
    return {f"{name}_p50_ms": percentile(took_ms, 50), f"{name}_p99_ms": percentile(took_ms, 99)}

"""One serving process, with the signals that it gets."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import socket
import ssl
import weakref
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from certificates import Authority
from security.wire import exchange, request
from tollhouse.server.clocks import Clocks
from tollhouse.server.connection import Connection
from tollhouse.server.door import Door
from tollhouse.server.request import Request
from tollhouse.server.run import YOUNG_OBJECTS, Draining, answer

FOR_EVER_S = 3600.0
PATIENCE_S = 30.0

pytestmark = pytest.mark.req("P-36", "S-141")


@dataclass
class Running:
    """A door that answers when it may."""

    listener: socket.socket = field(default_factory=lambda: socket.create_server(("127.0.0.1", 0)))
    may_answer: asyncio.Event = field(default_factory=asyncio.Event)
    is_ready: asyncio.Event = field(default_factory=asyncio.Event)
    asked: int = 0

    def __post_init__(self) -> None:
        self.draining = Draining()
        self.port: int = self.listener.getsockname()[1]
        self.door = Door(self._answered, Clocks(), most_per_address=0)
        self.may_answer.set()

    def begin(self, **how: Any) -> asyncio.Task[None]:
        given = {"drain_s": FOR_EVER_S, "tls": None, "on_ready": self.is_ready.set, **how}
        return asyncio.create_task(
            answer(self._opened, self.listener, draining=self.draining, **given)
        )

    @asynccontextmanager
    async def _opened(self) -> AsyncIterator[Door]:
        yield self.door

    async def _answered(self, _: Request, connection: Connection) -> None:
        self.asked += 1
        await self.may_answer.wait()
        connection.begin(200, (), b"")
        connection.finish(b"hello")


@pytest.fixture
async def it() -> AsyncIterator[Running]:
    before = {
        each: signal.getsignal(each) for each in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    }
    threshold = gc.get_threshold()
    running = Running()
    yield running
    running.listener.close()
    for each, handler in before.items():
        signal.signal(each, handler)
    gc.unfreeze()
    gc.set_threshold(*threshold)


async def test_it_answers_until_it_is_asked_to_stop_and_leaves_nothing_behind(it: Running) -> None:
    before = asyncio.all_tasks()
    running = it.begin()
    await _in_time(it.is_ready.wait())
    assert b"hello" in await exchange(it.port, request())

    os.kill(os.getpid(), signal.SIGTERM)
    await _in_time(running)

    assert asyncio.all_tasks() == before
    assert await _is_shut(it)


async def test_what_is_under_way_ends_and_nobody_new_comes_in(it: Running) -> None:
    it.may_answer.clear()
    running = it.begin()
    await _in_time(it.is_ready.wait())
    calling = asyncio.create_task(exchange(it.port, request()))
    await _until(lambda: it.asked == 1)

    os.kill(os.getpid(), signal.SIGTERM)
    await _until(lambda: it.door.is_draining)
    assert await _is_shut(it)
    os.kill(os.getpid(), signal.SIGTERM)
    await asyncio.sleep(0)
    assert not it.draining.hurry.is_set()
    it.may_answer.set()

    assert b"hello" in await _in_time(calling)
    await _in_time(running)


@pytest.mark.parametrize("first", [signal.SIGTERM, signal.SIGINT])
async def test_whoever_interrupts_it_while_it_stops_is_in_a_hurry(
    it: Running, first: signal.Signals
) -> None:
    it.may_answer.clear()
    running = it.begin()
    await _in_time(it.is_ready.wait())
    calling = asyncio.create_task(exchange(it.port, request()))
    await _until(lambda: it.asked == 1)

    os.kill(os.getpid(), first)
    await _until(lambda: it.door.is_draining)
    assert not it.draining.hurry.is_set()
    os.kill(os.getpid(), signal.SIGINT)

    await _in_time(running)
    with suppress(ConnectionError):
        assert b"hello" not in await _in_time(calling)


async def test_after_its_notice_it_is_open_still(it: Running) -> None:
    running = it.begin(notice_s=FOR_EVER_S)
    await _in_time(it.is_ready.wait())

    os.kill(os.getpid(), signal.SIGTERM)
    await _until(lambda: it.door.is_draining)
    assert b"hello" in await exchange(it.port, request())
    os.kill(os.getpid(), signal.SIGINT)

    await _in_time(running)


async def test_whoever_stops_it_before_it_is_open_finds_nobody_answered(it: Running) -> None:
    it.draining.begin()
    with socket.create_connection(("127.0.0.1", it.port)) as early:
        early.sendall(request())

        await _in_time(it.begin(drain_s=0.2))

    assert it.asked == 0


async def test_a_process_without_workers_says_so_and_goes_on(
    it: Running, caplog: pytest.LogCaptureFixture
) -> None:
    running = it.begin()
    await _in_time(it.is_ready.wait())

    os.kill(os.getpid(), signal.SIGHUP)
    await _until(lambda: "SIGHUP replaces the workers" in caplog.text)

    assert b"hello" in await exchange(it.port, request())
    os.kill(os.getpid(), signal.SIGTERM)
    await _in_time(running)


async def test_what_goes_wrong_while_it_opens_shuts_it(it: Running) -> None:
    def breaks() -> None:
        raise OSError("nobody to tell")

    with pytest.raises(OSError, match="nobody to tell"):
        await it.begin(on_ready=breaks)

    assert await _is_shut(it)


@pytest.mark.req("S-8")
async def test_whoever_does_not_shake_hands_is_not_waited_for(it: Running, tmp_path: Path) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(Authority(tmp_path).certify("localhost"))
    running = it.begin(tls=context, handshake_s=0.05)
    await _in_time(it.is_ready.wait())
    reader, writer = await asyncio.open_connection("127.0.0.1", it.port)

    with suppress(ConnectionError):
        assert await _in_time(reader.read()) == b""

    writer.close()
    os.kill(os.getpid(), signal.SIGTERM)
    await _in_time(running)


async def test_what_stands_when_it_opens_is_not_looked_at_again(it: Running) -> None:
    class Cycle:
        def __init__(self) -> None:
            self.own = self

    gc.disable()
    rubbish = weakref.ref(Cycle())
    running = it.begin()
    await _in_time(it.is_ready.wait())

    assert rubbish() is None
    assert gc.get_freeze_count() > 1000
    assert gc.get_threshold() == (YOUNG_OBJECTS, 20, 50)
    assert gc.isenabled()
    os.kill(os.getpid(), signal.SIGTERM)
    await _in_time(running)


async def _is_shut(it: Running) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", it.port)
    except ConnectionError:
        return True
    writer.close()
    return False


async def _in_time(waiting: Any) -> Any:
    async with asyncio.timeout(PATIENCE_S):
        return await waiting


async def _until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not is_so():
            await asyncio.sleep(0.002)

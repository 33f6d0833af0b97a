"""Processes change while callers stream and call: no stream is cut, no call goes unanswered."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import pytest

from journeys.caller import Caller, calling
from journeys.gateway import Gateway, ask, children, furnish, gateway, prepared, until
from journeys.provider import (
    STREAM_HEAD,
    Asked,
    Provider,
    answer,
    chunk,
    provider,
    stream_events,
)
from servers import PostgresServer

STREAMS = 500
AT_ONCE = 50
PATIENCE = aiohttp.ClientTimeout(20)
ROOM = "max_connections = 1024"

pytestmark = pytest.mark.xdist_group("heavy")


@pytest.mark.req("P-36", "S-141")
async def test_workers_are_replaced_under_500_open_streams_and_none_is_cut(tmp_path: Path) -> None:
    server = "workers = 2\ndrain_s = 60"
    async with (
        held_provider() as (up, go_on),
        gateway(tmp_path, up.url, server=server, up=ROOM) as door,
    ):
        before = set(children(door.processes[-1]))
        async with open_streams([door], STREAMS) as streams, calls_to([door]) as calls:
            door.processes[-1].send_signal(signal.SIGHUP)
            await until(lambda: _are_others(door, before, 2), "two others serve")
            await calls.go_on_for(50)
            go_on.set()
            told = await asyncio.gather(*(stream.to_the_end() for stream in streams))
            await until(lambda: _are_gone(before), "the old ones are gone")

        assert all(stream.has_clean_end for stream in streams)
        assert sum(b"data: [DONE]\n\n" in each for each in told) == STREAMS
        assert calls.failed == []
        assert len(up.asked) == STREAMS + calls.answered
        assert set(children(door.processes[-1])).isdisjoint(before)
        await door.nothing_is_held()


@pytest.mark.req("P-36", "S-141")
async def test_two_gateways_are_restarted_in_turn_under_500_open_streams_and_none_is_cut(
    tmp_path: Path, postgres: PostgresServer
) -> None:
    with postgres.database() as url:
        async with AsyncExitStack() as stack:
            up, go_on = await stack.enter_async_context(held_provider())
            doors = [_prepared(tmp_path / name, up, url) for name in ("first", "second")]
            first, second = doors
            await furnish(first, 10**12)
            second.key = first.key
            for door in doors:
                await door.start()
                stack.callback(_kill, door)
            calls = await stack.enter_async_context(calls_to(doors))
            for door in doors:
                go_on.clear()
                async with open_streams(doors, STREAMS // 2) as streams:
                    door.terminate()
                    await calls.go_on_for(50)
                    go_on.set()
                    told = await asyncio.gather(*(stream.to_the_end() for stream in streams))
                    assert await door.exit_status() == 0
                    await door.start()

                assert all(stream.has_clean_end for stream in streams)
                assert sum(b"data: [DONE]\n\n" in each for each in told) == STREAMS // 2
            await calls.stop()

            assert calls.failed == []
            assert len(up.asked) == STREAMS + calls.answered
            await first.nothing_is_held()


@pytest.mark.req("P-36", "S-140")
async def test_settings_that_do_not_work_leave_the_old_workers_where_they_are(
    tmp_path: Path,
) -> None:
    async with provider() as up, gateway(tmp_path, up.url, server="workers = 2") as door:
        await until(lambda: _serve(door, 2), "both serve")
        before = set(children(door.processes[-1]))
        door.config.write_text(door.config.read_text() + "\n[nonsense]\nx = 1\n")

        door.processes[-1].send_signal(signal.SIGHUP)

        await until(lambda: _says(door, "the old ones stay"), "the log tells of it")
        assert set(children(door.processes[-1])) == before
        async with calls_to([door]) as calls:
            await calls.go_on_for(10)
        assert calls.failed == []


@pytest.mark.req("P-36")
async def test_a_process_without_workers_says_that_it_cannot_be_replaced_and_goes_on(
    tmp_path: Path,
) -> None:
    async with provider() as up, gateway(tmp_path, up.url) as door, calls_to([door]) as calls:
        door.processes[-1].send_signal(signal.SIGHUP)

        await until(lambda: _says(door, "this process has none"), "the log tells of it")
        await calls.go_on_for(10)

        assert calls.failed == []


@pytest.mark.req("P-36")
async def test_whoever_is_sent_here_meanwhile_is_served_while_notice_is_given(
    tmp_path: Path,
) -> None:
    async with provider() as up, gateway(tmp_path, up.url, server="notice_s = 60") as door:
        door.terminate()

        await until(lambda: _is_not_ready(door), "it says that it is not ready")
        async with calls_to([door]) as calls:
            await calls.go_on_for(10)
        assert calls.failed == []

        door.processes[-1].send_signal(signal.SIGINT)
        assert await door.exit_status() == 0


# --- helpers -----------------------------------------------------------------------------


@dataclass
class Calls:
    """Callers that each call again as soon as they are answered, at another door if one is shut or shuts."""

    doors: Sequence[Gateway]
    answered: int = 0
    failed: list[object] = field(default_factory=list)
    is_over: bool = False
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    async def go_on_for(self, more: int) -> None:
        wanted = self.answered + more

        async def are_answered() -> bool:
            return bool(self.failed) or self.answered >= wanted

        await until(are_answered, f"{more} more calls are answered")

    async def stop(self) -> None:
        self.is_over = True
        await asyncio.gather(*self.tasks)

    async def call(self, number: int) -> None:
        """Every other caller keeps its connections."""
        async with aiohttp.ClientSession(
            timeout=PATIENCE,
            headers=self.doors[0].headers,
            connector=aiohttp.TCPConnector(force_close=number % 2 == 0),
        ) as session:
            while not self.is_over:
                status = await self.told(session, number)
                if status == 200:
                    self.answered += 1
                else:
                    self.failed.append(status)
                    return
                await asyncio.sleep(0.02)

    async def told(self, session: aiohttp.ClientSession, number: int) -> object:
        problem: object = None
        for door in self.doors[number % 2 :] + self.doors[: number % 2]:
            try:
                async with session.post(f"{door.base_url}/chat/completions", json=ask()) as reply:
                    await reply.read()
                    return reply.status
            except aiohttp.ClientOSError as refused:  # it went at that moment, and had read nothing
                problem = refused
        return problem


@asynccontextmanager
async def calls_to(doors: Sequence[Gateway]) -> AsyncIterator[Calls]:
    calls = Calls(list(doors))
    calls.tasks += [asyncio.create_task(calls.call(number)) for number in range(4)]
    try:
        await calls.go_on_for(4)
        yield calls
    finally:
        await calls.stop()


@asynccontextmanager
async def held_provider() -> AsyncIterator[tuple[Provider, asyncio.Event]]:
    """Streams stop in the middle until they may go on; whole answers come at once."""
    go_on = asyncio.Event()

    async def script(it: Provider, asked: Asked, writer: asyncio.StreamWriter) -> None:
        if not asked.body.get("stream"):
            await answer(it, asked, writer)
            return
        events = stream_events(asked.body, 5)
        writer.write(STREAM_HEAD + b"".join(map(chunk, events[:3])))
        await go_on.wait()
        writer.write(b"".join(map(chunk, events[3:])) + b"0\r\n\r\n")
        await writer.drain()

    async with provider() as up:
        up.script = script
        yield up, go_on


@asynccontextmanager
async def open_streams(doors: Sequence[Gateway], count: int) -> AsyncIterator[list[Caller]]:
    """Shared among the doors; each has got its first words."""
    turn = asyncio.Semaphore(AT_ONCE)
    async with AsyncExitStack() as stack:

        async def opened(number: int) -> Caller:
            async with turn:
                call = calling(doors[number % len(doors)], ask(stream=True), f"stream-{number}")
                caller = await stack.enter_async_context(call)
                await caller.until(b"word")
                return caller

        yield await asyncio.gather(*map(opened, range(count)))


async def _are_others(door: Gateway, before: set[int], count: int) -> bool:
    """As many new ones, and the old ones were told to leave: the last of these is known by the log."""
    new = set(children(door.processes[-1])) - before
    return len(new) == count and door.log().count("is replaced") == count


async def _serve(door: Gateway, count: int) -> bool:
    return len(await door.rows("SELECT id FROM owners")) == count


async def _are_gone(pids: set[int]) -> bool:
    return not any(_is_alive(pid) for pid in pids)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def _says(door: Gateway, words: str) -> bool:
    return words in door.log()


async def _is_not_ready(door: Gateway) -> bool:
    async with (
        aiohttp.ClientSession(timeout=PATIENCE) as session,
        session.get(f"{door.origin}/health/ready") as reply,
    ):
        return reply.status == 503


def _prepared(folder: Path, up: Provider, url: str) -> Gateway:
    folder.mkdir()
    server = "drain_s = 60\nnotice_s = 0.5"
    return prepared(folder, up.url, server=server, database=url, up=ROOM)


def _kill(door: Gateway) -> None:
    while door.processes:
        door.kill()

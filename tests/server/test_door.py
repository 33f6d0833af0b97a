"""Who may have how many connections, how the door drains, and TLS before all of it."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from ipaddress import ip_network
from pathlib import Path

import pytest

from certificates import Authority, serving
from server.answers import GET, POST, echo, line, refuse, reply_to, until
from server.doors import opened
from tollhouse.server import run
from tollhouse.server.clocks import Clocks
from tollhouse.server.connection import Connection
from tollhouse.server.door import Answer, Door
from tollhouse.server.request import Request
from tollhouse.server.run import Draining

LOOK_S = 0.02
SOON_S = 0.15
BIG = 8 * 1024 * 1024


# --- how many ----------------------------------------------------------------------------


@pytest.mark.req("S-8", "P-22")
async def test_an_address_has_so_many_connections_and_others_have_theirs() -> None:
    async with opened(echo, most_per_address=2) as (_, port), AsyncExitStack() as stack:
        lines = [await stack.enter_async_context(line(port)) for _ in range(3)]
        other = await stack.enter_async_context(line(port, local_addr=("127.0.0.2", 0)))
        for one in (*lines[:2], other):
            one.send(GET % b"a")

        assert [(await one.answer())[0] for one in (*lines[:2], other)] == [200, 200, 200]
        assert await lines[2].is_cut()


@pytest.mark.req("S-8")
async def test_a_connection_that_closes_makes_room_for_another() -> None:
    async with opened(echo, most_per_address=1) as (door, port):
        for _ in range(3):
            async with line(port) as caller:
                caller.send(GET % b"a")
                assert (await caller.answer())[0] == 200
            await until(lambda: not door.connections, "it has left")


@pytest.mark.req("S-8")
async def test_who_was_turned_away_gives_nobodys_place_back() -> None:
    async with opened(echo, most_per_address=1) as (door, port), line(port) as first:
        first.send(GET % b"a")
        await first.answer()
        for _ in range(3):
            async with line(port) as other:
                assert await other.is_cut()

        assert len(door.connections) == 1


@pytest.mark.req("S-8")
async def test_one_that_leaves_makes_room_for_one_and_no_more() -> None:
    async with opened(echo, most_per_address=2) as (door, port), AsyncExitStack() as stack:
        kept = await stack.enter_async_context(line(port))
        async with line(port) as leaves:
            for one in (kept, leaves):
                one.send(GET % b"a")
                await one.answer()
        await until(lambda: len(door.connections) == 1, "one has left")
        comes = await stack.enter_async_context(line(port))
        comes.send(GET % b"a")
        await comes.answer()

        async with line(port) as too_many:
            assert await too_many.is_cut()


@pytest.mark.req("S-8", "S-81")
async def test_an_address_whose_callers_have_left_is_forgotten() -> None:
    async with opened(echo, most_per_address=2) as (door, port):
        async with line(port) as caller, line(port) as other:
            for one in (caller, other):
                one.send(GET % b"a")
                await one.answer()
            assert set(door._by_address) == {"127.0.0.1"}
        await until(lambda: not door.connections, "they have left")

        assert not door._by_address


@pytest.mark.req("S-81")
async def test_the_door_notices_how_large_the_crowd_was() -> None:
    clocks = Clocks(look_s=LOOK_S)
    async with opened(echo, clocks) as (door, port), line(port), line(port):
        await until(lambda: door._tide._most == 2, "both were counted")


@pytest.mark.req("S-8")
async def test_a_trusted_proxy_has_as_many_connections_as_it_needs() -> None:
    trusted = (ip_network("127.0.0.0/8"),)
    async with (
        opened(echo, most_per_address=1, trusted=trusted) as (_, port),
        AsyncExitStack() as stack,
    ):
        lines = [await stack.enter_async_context(line(port)) for _ in range(4)]
        for one in lines:
            one.send(GET % b"a")

        assert [(await one.answer())[0] for one in lines] == [200] * 4


# --- draining ----------------------------------------------------------------------------


@pytest.mark.req("P-36", "S-141")
async def test_a_door_that_drains_lets_go_of_who_is_idle() -> None:
    clocks = Clocks(parting_s=SOON_S, look_s=LOOK_S)
    async with opened(echo, clocks) as (door, port), line(port) as quiet, line(port) as idle:
        idle.send(GET % b"a")
        await idle.answer()
        await until(lambda: len(door.connections) == 2, "both are there")

        await asyncio.wait_for(door.drain(30, asyncio.Event()), 5)

        assert await quiet.rest() == b""
        assert await idle.rest() == b""


@pytest.mark.req("P-36")
async def test_a_door_that_nobody_came_to_is_closed_at_once() -> None:
    async with opened(echo) as (door, _):
        await asyncio.wait_for(door.drain(60, asyncio.Event()), 10)


@pytest.mark.req("P-36", "S-141")
async def test_what_is_on_its_way_while_the_door_drains_is_answered_and_is_the_last() -> None:
    clocks = Clocks(parting_s=5, look_s=LOOK_S)
    async with opened(echo, clocks) as (door, port), line(port) as new, line(port) as kept:
        kept.send(GET % b"first")
        _, before, _ = await kept.answer()
        await until(lambda: len(door.connections) == 2, "both are there")
        draining = asyncio.create_task(door.drain(30, asyncio.Event()))
        await until(lambda: door.is_draining, "it drains")
        for one in (new, kept):
            one.send(GET % b"late")

        answers = [await one.answer() for one in (new, kept)]

        assert b"connection: close" not in before
        assert [body for _, _, body in answers] == [b"/late", b"/late"]
        assert all(b"connection: close" in head for _, head, _ in answers)
        assert [await one.rest() for one in (new, kept)] == [b"", b""]
        await asyncio.wait_for(draining, 5)


@pytest.mark.req("P-36", "S-141")
async def test_who_comes_during_the_notice_is_served_and_a_hurry_ends_it() -> None:
    hurry = asyncio.Event()
    async with opened(echo) as (door, port), line(port) as early:
        early.send(GET % b"early")
        await early.answer()
        before = asyncio.all_tasks()
        notice = asyncio.create_task(door.give_notice(60, hurry))
        await until(lambda: door.is_draining, "it drains")
        async with line(port) as late:
            late.send(GET % b"late")
            _, head, body = await late.answer()
        assert not notice.done()
        hurry.set()

        await asyncio.wait_for(notice, 10)

        assert (body, b"connection: close" in head) == (b"/late", True)
        assert len(door.connections) == 1
        await until(lambda: asyncio.all_tasks() <= before, "nothing waits for it any more")


@pytest.mark.req("P-36", "S-141")
async def test_the_notice_lasts_as_long_as_was_set_and_leaves_nobody_waiting() -> None:
    async with opened(echo) as (door, _):
        before, began = asyncio.all_tasks(), time.monotonic()

        await door.give_notice(SOON_S, asyncio.Event())

        assert time.monotonic() - began >= SOON_S * 0.9
        await until(lambda: asyncio.all_tasks() <= before, "nothing waits for it any more")


@pytest.mark.req("P-36", "S-141")
async def test_a_stream_goes_on_while_the_door_drains() -> None:
    go_on = asyncio.Event()
    async with opened(_paused_by(go_on)) as (door, port), line(port) as caller:
        caller.send(GET % b"")
        await caller.until(b"begun")
        draining = asyncio.create_task(door.drain(30, asyncio.Event()))
        await until(lambda: door.is_draining, "it drains")
        go_on.set()

        rest = await caller.rest()

        assert rest.endswith(b"done\r\n0\r\n\r\n")
        await asyncio.wait_for(draining, 5)


@pytest.mark.req("P-36", "S-141")
async def test_the_door_waits_for_the_last_one_and_not_for_the_first_that_leaves() -> None:
    go_on = asyncio.Event()
    async with opened(_paused_by(go_on)) as (door, port), line(port) as caller:
        caller.send(GET % b"")
        await caller.until(b"begun")
        async with line(port):
            await until(lambda: len(door.connections) == 2, "both are there")
        await until(lambda: len(door.connections) == 1, "one has left")
        draining = asyncio.create_task(door.drain(30, asyncio.Event()))
        await until(lambda: door.is_draining, "it drains")
        await asyncio.wait([draining], timeout=SOON_S)
        go_on.set()

        assert (await caller.rest()).endswith(b"done\r\n0\r\n\r\n")
        await asyncio.wait_for(draining, 5)


@pytest.mark.req("P-36", "S-141")
@pytest.mark.parametrize("reason", ["time is over", "hurry"])
async def test_what_is_cut_says_its_last_words_before_the_drain_is_over(reason: str) -> None:
    hurry, settled = asyncio.Event(), asyncio.Event()

    async def settling(_: Request, connection: Connection) -> None:
        reply = reply_to(connection)
        await reply.start(200, ())
        await reply.write(b"begun")
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(SOON_S)  # as a ledger that is slow
            reply.cut(b"farewell")
            settled.set()

    async with opened(settling) as (door, port), line(port) as caller:
        caller.send(GET % b"")
        await caller.until(b"begun")
        if reason == "hurry":
            hurry.set()

        await door.drain(30 if reason == "hurry" else 0.05, hurry)

        assert settled.is_set()
        rest = await caller.rest()
        assert b"farewell" in rest
        assert not rest.endswith(b"0\r\n\r\n")


@pytest.mark.req("P-36")
async def test_the_first_signal_drains_and_a_second_interrupt_hurries() -> None:
    cut = asyncio.Event()

    async def never(_: Request, __: Connection) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cut.set()

    async with _running(never, drain_s=60) as (door, port, running), line(port) as caller:
        caller.send(GET % b"")
        await until(lambda: bool(door.connections), "it is there")
        os.kill(os.getpid(), signal.SIGINT)
        await until(lambda: door.is_draining, "it drains")

        assert not cut.is_set()
        os.kill(os.getpid(), signal.SIGINT)
        await asyncio.wait_for(running, 5)
        assert cut.is_set()


# --- TLS ---------------------------------------------------------------------------------


@pytest.mark.req("S-8")
async def test_a_handshake_has_a_deadline(tmp_path: Path) -> None:
    context, _ = _tls(tmp_path)
    async with _running(echo, tls=context, handshake_s=SOON_S) as (_, port, _), line(port) as it:
        assert await it.is_cut()


async def test_requests_are_served_over_tls(tmp_path: Path) -> None:
    context, client = _tls(tmp_path)
    async with (
        _running(echo, tls=context) as (_, port, _),
        line(port, ssl=client, server_hostname="localhost") as caller,
    ):
        for path in (b"a", b"b"):
            caller.send(GET % path)
            assert (await caller.answer())[2] == b"/" + path


@pytest.mark.req("H-39", "S-7")
async def test_over_tls_too_an_answer_comes_before_the_body_was_read(tmp_path: Path) -> None:
    """There is no half-close: the caller is listened to for a while after the answer."""
    context, client = _tls(tmp_path)
    async with _running(refuse, tls=context) as (_, port, _):
        received = await asyncio.to_thread(_sends_all_first, port, client)

        assert received.startswith(b"HTTP/1.1 401")
        assert received.endswith(b"no")
        assert received.count(b"no") >= 40_000


@pytest.mark.req("S-8", "H-146")
async def test_over_tls_too_a_caller_that_reads_nothing_is_cut_off(tmp_path: Path) -> None:
    context, client = _tls(tmp_path)
    clocks = Clocks(stall_s=SOON_S, look_s=LOOK_S)

    async def endless(_: Request, connection: Connection) -> None:
        reply = reply_to(connection)
        await reply.start(200, ())
        while True:
            await reply.write(b"x" * 65_536)

    async with _running(endless, clocks, tls=context) as (door, port, _):
        with socket.create_connection(("127.0.0.1", port)) as raw:
            it = await asyncio.to_thread(client.wrap_socket, raw, server_hostname="localhost")
            it.sendall(GET % b"")
            await until(lambda: bool(door.connections), "it is there")

            await until(lambda: not door.connections, "it is gone")
            it.close()


# --- helpers -----------------------------------------------------------------------------


def _paused_by(go_on: asyncio.Event) -> Answer:
    async def stream(_: Request, connection: Connection) -> None:
        reply = reply_to(connection)
        await reply.start(200, ())
        await reply.write(b"begun")
        await go_on.wait()
        await reply.end(b"done")

    return stream


@asynccontextmanager
async def _running(
    answer: Answer,
    clocks: Clocks | None = None,
    *,
    drain_s: float = 0,
    tls: ssl.SSLContext | None = None,
    handshake_s: float = run.HANDSHAKE_S,
) -> AsyncIterator[tuple[Door, int, asyncio.Task[None]]]:
    """As a process serves: until it is asked to stop."""
    door = Door(answer, clocks or Clocks(look_s=LOOK_S), most_per_address=0)
    listener = socket.create_server(("127.0.0.1", 0))
    listener.setblocking(False)
    port = listener.getsockname()[1]
    draining, ready = Draining(), asyncio.Event()
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}

    @asynccontextmanager
    async def open_door() -> AsyncIterator[Door]:
        yield door

    running = asyncio.create_task(
        run.answer(
            open_door,
            listener,
            draining=draining,
            drain_s=drain_s,
            tls=tls,
            handshake_s=handshake_s,
            on_ready=ready.set,
        )
    )
    try:
        await ready.wait()
        yield door, port, running
    finally:
        draining.begin()
        draining.hurry.set()
        await running
        for number, handler in before.items():
            signal.signal(number, handler)


def _tls(folder: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    authority = Authority(folder)
    client = ssl.create_default_context(cafile=authority.file)
    return serving(authority.certify("localhost")), client


def _sends_all_first(port: int, client: ssl.SSLContext) -> bytes:
    with (
        socket.create_connection(("127.0.0.1", port), timeout=10) as raw,
        client.wrap_socket(raw, server_hostname="localhost") as caller,
    ):
        caller.sendall(POST + b"content-length: %d\r\n\r\n" % BIG)
        caller.sendall(b"x" * BIG)
        received = b""
        while len(received) < 80_000 and (piece := caller.recv(65_536)):
            received += piece
    return received

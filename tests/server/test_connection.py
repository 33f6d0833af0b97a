"""The life of a connection in time: deadlines, reuse, order, backpressure, and how it ends."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from server.answers import GET, POST, echo, line, refuse, reply_to, say, until
from server.doors import opened, served
from tollhouse.server.body import read_json_body
from tollhouse.server.clocks import Clocks
from tollhouse.server.connection import JOIN_BELOW, Connection
from tollhouse.server.door import Answer
from tollhouse.server.request import Request

SOON_S = 0.15
LOOK_S = 0.02
LONG_S = 60.0
BIG = 8 * 1024 * 1024


def clocks(**seconds: float) -> Clocks:
    """One of them short, and all the others long."""
    names = ("head_s", "body_s", "gap_s", "idle_s", "stall_s", "linger_s", "parting_s")
    return Clocks(**{**dict.fromkeys(names, LONG_S), **seconds}, look_s=LOOK_S)


async def _refuse_late(request: Request, connection: Connection) -> None:
    """When as much of the body has come as is taken unread."""
    await until(lambda: connection._is_paused, "it is paused")
    await refuse(request, connection)


# --- deadlines ---------------------------------------------------------------------------


@pytest.mark.req("S-8", "OC-51")
async def test_a_connection_that_says_nothing_is_closed() -> None:
    async with served(echo, clocks(head_s=SOON_S)) as port, line(port) as caller:
        assert await caller.rest() == b""


@pytest.mark.req("S-8")
async def test_empty_lines_are_no_way_to_stay_silent() -> None:
    async with served(echo, clocks(head_s=SOON_S)) as port, line(port) as caller:
        dripping = asyncio.create_task(_drip(caller.writer, b"\r\n"))

        assert await caller.is_cut()
        dripping.cancel()


@pytest.mark.req("S-8")
@pytest.mark.parametrize("begun", [b"G", b"GET / HTTP/1.1\r\nhost: localh"])
async def test_a_head_that_is_not_completed_is_refused(begun: bytes) -> None:
    async with served(echo, clocks(head_s=SOON_S)) as port, line(port) as caller:
        caller.send(begun)

        status, head, body = await caller.answer()

        assert (status, body) == (408, b"request_timed_out")
        assert b"connection: close" in head
        assert await caller.rest() == b""


@pytest.mark.req("S-8")
async def test_a_head_that_drips_is_refused_all_the_same() -> None:
    async with served(echo, clocks(head_s=SOON_S)) as port, line(port) as caller:
        caller.send(b"GET / HTTP/1.1\r\n")
        dripping = asyncio.create_task(_drip(caller.writer, b"x: y\r\n"))

        status, _, body = await caller.answer()
        dripping.cancel()

        assert (status, body) == (408, b"request_timed_out")


@pytest.mark.req("S-8", "H-79")
async def test_a_body_that_does_not_end_is_refused() -> None:
    async with served(echo, clocks(body_s=SOON_S)) as port, line(port) as caller:
        caller.send(POST + b"content-length: 100\r\n\r\n")
        dripping = asyncio.create_task(_drip(caller.writer, b"x"))

        status, _, body = await caller.answer()
        dripping.cancel()

        assert (status, body) == (408, b"request_timed_out")


@pytest.mark.req("S-8")
async def test_a_body_that_stops_is_refused() -> None:
    async with served(echo, clocks(gap_s=SOON_S)) as port, line(port) as caller:
        caller.send(POST + b"content-length: 100\r\n\r\n{")

        status, _, body = await caller.answer()

        assert (status, body) == (408, b"request_timed_out")


@pytest.mark.req("S-8")
async def test_a_body_that_we_left_unread_is_not_late() -> None:
    size = 512 * 1024
    late = asyncio.Event()

    async def slow(request: Request, connection: Connection) -> None:
        await late.wait()
        body = await read_json_body(connection, request, size)
        await say(connection, 200, b"%d" % len(body))

    async with served(slow, clocks(body_s=SOON_S, gap_s=SOON_S)) as port, line(port) as caller:
        caller.send(POST + b"content-length: %d\r\n\r\n" % size)
        caller.send(b"x" * (size - 1))
        await asyncio.sleep(3 * SOON_S)  # it is time itself that is tried
        late.set()
        caller.send(b"x")

        assert (await caller.answer())[2] == b"%d" % size


@pytest.mark.req("S-8", "OC-51")
async def test_a_connection_that_asks_nothing_more_is_closed() -> None:
    async with served(echo, clocks(idle_s=SOON_S)) as port, line(port) as caller:
        caller.send(GET % b"a")
        assert (await caller.answer())[2] == b"/a"

        assert await caller.rest() == b""


@pytest.mark.req("S-8", "H-146")
async def test_a_caller_that_reads_nothing_is_cut_off() -> None:
    ended = asyncio.Event()

    async def endless(_: Request, connection: Connection) -> None:
        reply = reply_to(connection)
        await reply.start(200, ())
        try:
            while True:
                await reply.write(b"x" * 65_536)
                await asyncio.sleep(0)
        finally:
            ended.set()

    async with opened(endless, clocks(stall_s=SOON_S)) as (door, port), _deaf(port):
        await asyncio.wait_for(ended.wait(), 10)

        await until(lambda: not door.connections, "the connection is gone")


@pytest.mark.req("S-8", "H-146")
async def test_a_caller_that_leaves_the_last_of_an_answer_unread_is_cut_off() -> None:
    """What is left is too little to make the answer wait."""
    answered = asyncio.Event()

    async def brief(_: Request, connection: Connection) -> None:
        reply = reply_to(connection)
        await reply.start(200, ())
        while not connection._transport.get_write_buffer_size():
            await reply.write(b"x" * 8_192)
            await asyncio.sleep(0.001)
        await reply.end()
        answered.set()

    rules = clocks(stall_s=SOON_S, idle_s=SOON_S)
    async with opened(brief, rules) as (door, port), _deaf(port):
        await asyncio.wait_for(answered.wait(), 10)

        await until(lambda: not door.connections, "the connection is gone")


@pytest.mark.req("S-8")
async def test_who_is_asked_to_go_still_has_its_time_to_read_the_last_of_an_answer() -> None:
    size = 0

    async def brief(_: Request, connection: Connection) -> None:
        nonlocal size
        connection._request.keeps_alive = False
        reply = reply_to(connection)
        await reply.start(200, ())
        while not connection._transport.get_write_buffer_size():
            await reply.write(b"y" * 2_048)
            size += 2_048
            await asyncio.sleep(0.001)
        await reply.end()

    async with opened(brief, clocks(idle_s=SOON_S, linger_s=SOON_S)) as (door, port):
        with socket.socket() as caller:
            caller.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            caller.connect(("127.0.0.1", port))
            caller.sendall(GET % b"")
            await until(lambda: any(one._is_leaving for one in door.connections), "it is to go")
            await asyncio.sleep(3 * SOON_S)  # it is time itself that is tried

            received = await asyncio.to_thread(_read_all, caller)

    assert received.count(b"y") == size
    assert received.endswith(b"0\r\n\r\n")


@pytest.mark.req("S-8")
async def test_a_caller_that_goes_on_sending_what_nobody_wants_is_cut_off() -> None:
    async with opened(refuse, clocks(linger_s=SOON_S)) as (door, port), line(port) as caller:
        caller.send(POST + b"content-length: %d\r\n\r\n" % BIG)
        dripping = asyncio.create_task(_drip(caller.writer, b"x"))

        await until(lambda: not door.connections, "the connection is gone")
        dripping.cancel()


# --- reuse, order, versions --------------------------------------------------------------


async def test_one_connection_serves_many_requests() -> None:
    async with opened(echo) as (door, port), line(port) as caller:
        for number in range(20):
            caller.send(GET % b"%d" % number)

            status, head, body = await caller.answer()

            assert (status, body) == (200, b"/%d" % number)
            assert b"connection: close" not in head
        assert len(door.connections) == 1


async def test_requests_sent_ahead_are_answered_in_order() -> None:
    async with served(echo) as port, line(port) as caller:
        caller.send(b"".join(GET % b"%d" % number for number in range(10)))

        answers = [(await caller.answer())[2] for _ in range(10)]

        assert answers == [b"/%d" % number for number in range(10)]


async def test_one_request_of_a_connection_is_answered_at_a_time() -> None:
    begun: list[bytes] = []
    go_on = asyncio.Event()

    async def slow(request: Request, connection: Connection) -> None:
        begun.append(request.target)
        await go_on.wait()
        await say(connection, 200, request.target)

    async with served(slow) as port, line(port) as caller:
        caller.send(GET % b"a" + GET % b"b")
        await until(lambda: bool(begun), "the first is begun")
        await asyncio.sleep(SOON_S)  # what does not begin has no event
        at_first = list(begun)
        go_on.set()

        answers = [(await caller.answer())[2] for _ in range(2)]

    assert at_first == [b"/a"]
    assert answers == [b"/a", b"/b"]


@pytest.mark.req("P-22")
async def test_who_sends_too_many_requests_ahead_is_cut_off() -> None:
    async def never(_: Request, __: Connection) -> None:
        await asyncio.Event().wait()

    async with opened(never) as (door, port), line(port) as caller:
        caller.send(b"".join(GET % b"%d" % number for number in range(40)))

        assert await caller.is_cut()
        await until(lambda: not door.connections, "the connection is gone")


@pytest.mark.req("P-22")
async def test_of_a_body_that_nobody_reads_yet_only_so_much_is_taken() -> None:
    arrived: list[Request] = []

    async def never(request: Request, _: Connection) -> None:
        arrived.append(request)
        await asyncio.Event().wait()

    async with served(never) as port, line(port) as caller:
        caller.send(POST + b"content-length: %d\r\n\r\n" % BIG)
        caller.send(b"x" * BIG)
        await until(lambda: bool(arrived), "the request is there")
        await until(lambda: arrived[0].received > 0, "its body comes")
        await asyncio.sleep(3 * SOON_S)  # what does not come has no event

        assert arrived[0].received < BIG / 8


async def test_a_caller_that_wants_to_close_is_let_go() -> None:
    async with served(echo) as port, line(port) as caller:
        caller.send(b"GET /a HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")

        _, head, body = await caller.answer()

        assert b"connection: close" in head
        assert body == b"/a"
        assert await caller.rest() == b""


async def test_an_old_client_gets_neither_chunks_nor_another_turn() -> None:
    large = b"x" * (2 * JOIN_BELOW)

    async def stream(_: Request, connection: Connection) -> None:
        reply = reply_to(connection)
        await reply.start(200, ())
        await reply.write(b"one ")
        await reply.write(large)
        await reply.end(b"two")

    async with served(stream) as port, line(port) as caller:
        caller.send(b"GET / HTTP/1.0\r\nhost: localhost\r\nconnection: keep-alive\r\n\r\n")

        head, _, body = (await caller.rest()).partition(b"\r\n\r\n")

        assert b"transfer-encoding" not in head
        assert b"connection: close" in head
        assert body == b"one " + large + b"two"


async def test_a_head_request_is_answered_without_a_body_and_leaves_the_connection_open() -> None:
    async with served(echo) as port, line(port) as caller:
        caller.send(b"HEAD /long HTTP/1.1\r\nhost: localhost\r\n\r\n")
        head = await caller.until(b"\r\n\r\n")
        caller.send(GET % b"next")
        _, next_head, body = await caller.answer()

        assert b"content-length: 5" in head
        assert next_head.startswith(b"HTTP/1.1 200")
        assert body == b"/next"


# --- how it ends -------------------------------------------------------------------------


@pytest.mark.req("H-39", "S-7")
@pytest.mark.parametrize(
    "answer", [refuse, _refuse_late, echo], ids=["unread", "paused", "too large"]
)
async def test_an_answer_before_the_body_was_read_is_not_overtaken_by_a_reset(
    answer: Answer,
) -> None:
    """By a caller that reads nothing before it has sent all."""
    async with served(answer) as port:
        status, received = await asyncio.to_thread(_sends_all_first, port)

        if answer is echo:
            assert (status, received) == (413, b"body_too_large")
        else:
            assert (status, len(received)) == (401, 80_000)


@pytest.mark.req("P-30")
@pytest.mark.parametrize("phase", ["body", "waiting", "writing", "stalled"])
async def test_a_hang_up_cancels_in_every_phase(phase: str) -> None:
    reached, ended = asyncio.Event(), asyncio.Event()
    asks = POST + b"content-length: 9\r\n\r\n{" if phase == "body" else GET % b""

    async def answer(request: Request, connection: Connection) -> None:
        reply = reply_to(connection)
        try:
            if phase == "body":
                reached.set()
                await read_json_body(connection, request, BIG)
            await reply.start(200, ())
            while phase in ("writing", "stalled"):
                await reply.write(b"x" * (65_536 if phase == "stalled" else 1))
                if phase == "writing" or connection.is_stalled:
                    reached.set()
                await asyncio.sleep(0)
            reached.set()
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            ended.set()
            raise

    async with opened(answer, clocks()) as (door, port), _deaf(port, asks) as leave:
        if phase == "stalled":
            await until(lambda: any(one.is_stalled for one in door.connections), "it is stalled")
        else:
            await asyncio.wait_for(reached.wait(), 10)

        leave()

        await asyncio.wait_for(ended.wait(), 10)
        await until(lambda: not door.connections, "the connection is gone")


@pytest.mark.req("P-22", "H-146")
async def test_a_caller_that_does_not_read_makes_the_answer_wait() -> None:
    written = 0

    async def endless(_: Request, connection: Connection) -> None:
        nonlocal written
        reply = reply_to(connection)
        await reply.start(200, ())
        while True:
            await reply.write(b"x" * 65_536)
            written += 65_536

    async with opened(endless, clocks()) as (door, port), _deaf(port):
        await until(lambda: any(one.is_stalled for one in door.connections), "it is stalled")
        before = written
        await asyncio.sleep(3 * SOON_S)  # what does not go on has no event

        assert written == before
        assert before < BIG
        assert len(door.connections) == 1, "it has its time to read"


# --- helpers -----------------------------------------------------------------------------


@asynccontextmanager
async def _deaf(port: int, asks: bytes = GET % b"") -> AsyncIterator[Callable[[], None]]:
    """A caller that asks and never reads."""
    with socket.socket() as it:
        it.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        it.connect(("127.0.0.1", port))
        it.sendall(asks)
        yield it.close


def _read_all(caller: socket.socket) -> bytes:
    caller.settimeout(10)
    received = b""
    while piece := caller.recv(65_536):
        received += piece
    return received


def _sends_all_first(port: int) -> tuple[int, bytes]:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as caller:
        caller.sendall(POST + b"content-length: %d\r\n\r\n" % BIG)
        caller.sendall(b"x" * BIG)
        received = b""
        while piece := caller.recv(65_536):
            received += piece
    head, _, body = received.partition(b"\r\n\r\n")
    return int(head.split(b" ")[1]), body


async def _drip(writer: asyncio.StreamWriter, drop: bytes) -> None:
    while True:
        writer.write(drop)
        await asyncio.sleep(LOOK_S)

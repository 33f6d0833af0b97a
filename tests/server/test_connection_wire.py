"""What a connection does in single moments, and what it tells its transport."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Any

import pytest

from server.answers import GET, POST, echo, line, reply_to, until
from server.doors import opened
from tollhouse.domain.errors import RequestTimedOut
from tollhouse.domain.suspicion import Sign
from tollhouse.server.clocks import Clocks
from tollhouse.server.connection import MOST_AHEAD, NO_LINGER, PAUSE_ABOVE, Connection
from tollhouse.server.door import CertificateOf
from tollhouse.server.request import MAX_FRAMING_BYTES, Request

LONG_S = 60.0
CLOCKS = Clocks(LONG_S, LONG_S, LONG_S, LONG_S, LONG_S, LONG_S, LONG_S)
AN_AGE_S = 1000.0
BIG = POST + b"content-length: 1000000\r\n\r\n" + b"x" * (PAUSE_ABOVE + 1)


class Wire(asyncio.Transport):
    """Writes down what it is told."""

    def __init__(self, sock: socket.socket | None = None) -> None:
        super().__init__(None if sock is None else {"socket": sock})
        self.said: list[str] = []
        self.sent = b""

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.sent += data

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        pass

    def is_closing(self) -> bool:
        return "abort" in self.said or "close" in self.said

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        self.said.append("eof")

    def pause_reading(self) -> None:
        self.said.append("pause")

    def resume_reading(self) -> None:
        self.said.append("resume")

    def abort(self) -> None:
        self.said.append("abort")

    def close(self) -> None:
        self.said.append("close")


class Keeping:
    """Implements Keeper, for one connection that is told what its transport hears."""

    def __init__(
        self, answer: Callable[[Request, Connection], Any], sock: socket.socket | None = None
    ) -> None:
        self.clocks = CLOCKS
        self.is_draining = False
        self.answer = answer
        self.suspected: Callable[[Sign], None] = lambda _: None
        self.certificate_of: CertificateOf = lambda _: None
        self.wire = Wire(sock)
        self.connection = Connection(self)
        self.connection.connection_made(self.wire)

    def enter(self, connection: Connection) -> bool:
        return True

    def leave(self, connection: Connection) -> None:
        pass


async def hang(_request: Request, _connection: Connection) -> None:
    await asyncio.Event().wait()


async def test_who_has_no_address_has_no_name() -> None:
    assert Keeping(hang).connection.peer == ""


@pytest.mark.req("S-8", "H-79")
async def test_the_time_in_which_we_did_not_read_is_not_the_callers_and_the_rest_is() -> None:
    kept = Keeping(hang)
    connection = kept.connection
    connection.data_received(BIG)
    assert kept.wire.said == ["pause"]
    connection._heard_s -= AN_AGE_S
    connection._paused_s -= AN_AGE_S
    since_s, request = connection._since_s, connection._requests.current
    assert request is not None
    reading = asyncio.create_task(connection.more())
    await asyncio.sleep(0)

    assert kept.wire.said == ["pause", "resume"]
    assert AN_AGE_S <= connection._since_s - since_s < AN_AGE_S + LONG_S
    connection.look(asyncio.get_running_loop().time())
    assert not reading.done()

    connection.look(asyncio.get_running_loop().time() + AN_AGE_S)
    await reading
    assert isinstance(request.problem, RequestTimedOut)
    connection.connection_lost(None)


@pytest.mark.req("S-81")
async def test_a_pause_that_has_just_begun_moves_no_clock() -> None:
    connection = Keeping(hang).connection
    connection.data_received(BIG)
    since_s = connection._since_s
    reading = asyncio.create_task(connection.more())
    await asyncio.sleep(0)

    assert connection._since_s - since_s < LONG_S
    reading.cancel()
    connection.connection_lost(None)


@pytest.mark.req("S-81", "H-146")
@pytest.mark.parametrize("end", ["it reads on", "it leaves"])
async def test_who_waits_for_a_slow_reader_waits_until_it_reads_or_leaves(end: str) -> None:
    connection = Keeping(hang).connection
    connection.pause_writing()
    waiting = asyncio.create_task(connection.flows())
    await asyncio.sleep(0)
    assert not waiting.done()

    if end == "it reads on":
        connection.resume_writing()
    else:
        connection.connection_lost(None)

    await asyncio.wait_for(waiting, LONG_S)
    assert not connection.is_stalled


async def test_a_task_that_has_ended_is_let_go_with_its_connection() -> None:
    connection = Keeping(hang).connection
    connection.data_received(GET % b"")
    task = connection._task
    assert task is not None

    connection.connection_lost(None)
    await asyncio.wait([task])
    await until(lambda: connection._task is None, "it is let go")


@pytest.mark.req("S-81")
async def test_of_what_is_not_read_nothing_is_left_with_the_system() -> None:
    with socket.socket() as sock:
        kept = Keeping(hang, sock)

        kept.connection._reset()

        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, len(NO_LINGER)) == NO_LINGER
    assert kept.wire.said == ["abort"]


async def test_a_waiter_that_has_just_left_is_not_woken() -> None:
    connection = Keeping(hang).connection
    connection.data_received(POST + b"content-length: 5\r\n\r\n")
    reading = asyncio.create_task(connection.more())
    await asyncio.sleep(0)

    reading.cancel()
    connection.data_received(b"hello")

    await asyncio.wait([reading])
    assert reading.cancelled()
    connection.connection_lost(None)


@pytest.mark.req("S-8")
async def test_as_many_may_come_ahead_as_is_said() -> None:
    async with opened(echo, CLOCKS) as (_, port), line(port) as caller:
        caller.send(GET % b"" * MOST_AHEAD)

        for _ in range(MOST_AHEAD):
            assert (await caller.answer())[0] == 200


async def test_an_answer_that_breaks_ends_the_connection_and_is_not_hidden() -> None:
    async def breaks(_request: Request, _connection: Connection) -> None:
        raise ZeroDivisionError

    kept = Keeping(breaks)
    kept.connection.data_received(GET % b"")
    task = kept.connection._task
    assert task is not None

    await asyncio.wait([task])

    assert isinstance(task.exception(), ZeroDivisionError)
    assert kept.wire.said == ["abort"]


@pytest.mark.req("S-8")
async def test_silence_begins_when_an_answer_has_ended() -> None:
    async def aged(request: Request, connection: Connection) -> None:
        await echo(request, connection)
        connection._since_s -= AN_AGE_S

    kept = Keeping(aged)
    kept.connection.data_received(GET % b"")
    await until(lambda: b"200" in kept.wire.sent and not kept.connection._is_answering, "answered")

    kept.connection.look(asyncio.get_running_loop().time())

    assert kept.wire.said == []
    kept.connection.connection_lost(None)


@pytest.mark.req("S-8", "H-79")
async def test_the_clock_of_a_request_that_has_begun_runs_on_when_the_answer_before_it_ends() -> (
    None
):
    async def aged(request: Request, connection: Connection) -> None:
        connection.data_received(POST[:20])
        connection._since_s -= AN_AGE_S
        await echo(request, connection)

    kept = Keeping(aged)
    kept.connection.data_received(GET % b"")
    await until(lambda: b"200" in kept.wire.sent and not kept.connection._is_answering, "answered")

    assert asyncio.get_running_loop().time() - kept.connection._since_s >= AN_AGE_S
    kept.connection.connection_lost(None)


@pytest.mark.req("S-1")
async def test_an_answer_without_an_end_is_the_last_one() -> None:
    async def begins(_request: Request, connection: Connection) -> None:
        reply = reply_to(connection)
        await reply.start(200, ((b"content-length", b"5"),))
        await reply.write(b"half")

    async with opened(begins, CLOCKS) as (_, port), line(port) as caller:
        caller.send(GET % b"a" + GET % b"b")

        assert (await caller.rest()).count(b"HTTP/1.1 200") == 1


@pytest.mark.req("S-8")
async def test_whom_we_listen_out_has_its_time_from_the_end_of_the_answer() -> None:
    async def aged(_request: Request, connection: Connection) -> None:
        reply = reply_to(connection)
        await reply.start(401, ((b"content-length", b"0"),))
        await reply.end()
        connection._since_s -= AN_AGE_S

    kept = Keeping(aged)
    kept.connection.data_received(POST + b"content-length: 5\r\n\r\nhe")
    await until(lambda: "eof" in kept.wire.said, "it lingers")

    kept.connection.look(asyncio.get_running_loop().time())

    assert kept.wire.said == ["eof"]
    kept.connection.connection_lost(None)


async def test_an_answer_in_one_piece_says_when_it_left_and_waits_until_it_is_read() -> None:
    kept = Keeping(hang)
    reply = reply_to(kept.connection)
    await reply.start(200, ((b"content-length", b"2"),))
    kept.connection.pause_writing()

    ending = asyncio.create_task(reply.end(b"ok"))
    await asyncio.sleep(0)
    assert not ending.done()
    kept.connection.resume_writing()
    await ending

    assert reply.first_byte_ns == 1
    assert kept.wire.sent.endswith(b"\r\n\r\nok")


async def test_what_was_cut_gives_no_sign_of_life() -> None:
    reply = reply_to(Keeping(hang).connection)
    reply.keep_alive(b": on\n\n", (), LONG_S)

    reply.cut(b"")

    assert reply._timer is None


async def test_a_request_without_a_header_is_one() -> None:
    async with opened(echo, CLOCKS) as (_, port), line(port) as caller:
        caller.send(b"GET /a HTTP/1.0\r\n\r\n")

        assert (await caller.answer())[2] == b"/a"


@pytest.mark.req("S-1")
async def test_who_sent_what_is_no_request_is_listened_out_so_that_it_reads_the_answer() -> None:
    kept = Keeping(echo)

    kept.connection.data_received(b"\r\n" * MAX_FRAMING_BYTES)  # before any request
    await until(lambda: bool(kept.wire.said), "it has been answered")

    assert b" 400 " in kept.wire.sent
    assert kept.wire.said == ["eof"]
    kept.connection.connection_lost(None)


async def test_a_stream_is_framed_piece_by_piece_and_nothing_is_no_piece() -> None:
    async def streams(_request: Request, connection: Connection) -> None:
        reply = reply_to(connection)
        await reply.start(200, ())
        for piece in (b"a", b"", b"bc"):
            await reply.write(piece)
        await reply.end()

    async with opened(streams, CLOCKS) as (_, port), line(port) as caller:
        caller.send(b"GET / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")

        head, _, body = (await caller.rest()).partition(b"\r\n\r\n")

    assert b"transfer-encoding: chunked" in head
    assert body == b"1\r\na\r\n2\r\nbc\r\n0\r\n\r\n"


async def test_who_asks_for_the_head_alone_is_told_of_no_chunks() -> None:
    async def streams(_request: Request, connection: Connection) -> None:
        reply = reply_to(connection)
        await reply.start(200, ())
        await reply.end(b"body")

    async with opened(streams, CLOCKS) as (_, port), line(port) as caller:
        caller.send(b"HEAD / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")

        said = await caller.rest()

    assert b"transfer-encoding" not in said
    assert said.endswith(b"\r\n\r\n")


async def test_the_last_words_of_a_stream_without_chunks_are_words_alone() -> None:
    async def cuts(_request: Request, connection: Connection) -> None:
        reply = reply_to(connection)
        await reply.start(200, ())
        await reply.write(b"a")
        reply.cut(b"b", is_end=True)

    async with opened(cuts, CLOCKS) as (_, port), line(port) as caller:
        caller.send(b"GET / HTTP/1.0\r\nhost: localhost\r\n\r\n")

        assert (await caller.rest()).endswith(b"\r\n\r\nab")

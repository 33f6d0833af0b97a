"""A reply on a real connection: signs of life in silence, and an end that is none."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from journeys.gateway import until
from security.wire import exchange, request
from server.doors import served
from tollhouse.server.connection import Connection
from tollhouse.server.reply import WireReply
from tollhouse.server.request import Request

SILENCE_S = 0.05
COMMENT = b": keep-alive\n\n"
STREAM = ((b"content-type", b"text/event-stream"),)
EVERY = b"x-request-id: id-1\r\n"

Answer = Callable[[WireReply], Awaitable[None]]


@pytest.mark.req("R-9")
async def test_comments_are_sent_while_nothing_else_is_even_before_the_first_byte() -> None:
    async def silent(reply: WireReply) -> None:
        reply.keep_alive(COMMENT, STREAM, SILENCE_S)
        await until(lambda: _is(reply.is_started), "a sign of life went out")
        await reply.start(200, STREAM)
        await reply.end(b"data: x\n\n")

    async with _serving(silent) as port:
        received = await exchange(port, request())

    head, _, body = received.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200")
    assert received.count(b"HTTP/1.1") == 1
    assert b"content-type: text/event-stream" in head
    assert b"x-request-id: id-1" in head
    assert COMMENT in body
    assert body.endswith(b"data: x\n\n\r\n0\r\n\r\n")


@pytest.mark.req("R-9")
async def test_nothing_is_said_between_events_that_come_often() -> None:
    async def talkative(reply: WireReply) -> None:
        reply.keep_alive(COMMENT, STREAM, 5)
        await reply.start(200, STREAM)
        for _ in range(20):
            await reply.write(b"data: x\n\n")
        await reply.end()

    async with _serving(talkative) as port:
        received = await exchange(port, request())

    assert received.count(b"data: x") == 20
    assert b"keep-alive" not in received


@pytest.mark.req("R-9", "OT-55")
async def test_a_sign_of_life_waits_for_its_silence_and_so_does_the_next() -> None:
    line = Line()
    reply = WireReply(line, EVERY, lambda: 1)
    await reply.start(200, STREAM)
    await reply.write(b"data: x\n\n")
    now = asyncio.get_running_loop().time()

    reply._live(COMMENT, STREAM, 60.0)
    early = list(line.said)
    reply._wrote_at_s = now - 60.0
    reply._live(COMMENT, STREAM, 60.0)

    assert early == [b"data: x\n\n"]
    assert line.said[1:] == [COMMENT]
    assert reply._timer is not None
    assert reply._timer.when() >= now + 60.0
    reply.close()


@pytest.mark.req("R-9", "H-146")
async def test_who_reads_too_slowly_gets_no_signs_of_life() -> None:
    line = Line(is_stalled=True)
    reply = WireReply(line, EVERY, lambda: 1)

    reply._live(COMMENT, STREAM, 0.0)

    assert line.said == []
    reply.close()


@pytest.mark.req("R-9")
async def test_silence_ends_with_the_reply() -> None:
    done = asyncio.Event()

    async def short(reply: WireReply) -> None:
        reply.keep_alive(COMMENT, STREAM, SILENCE_S)
        await reply.start(200, STREAM)
        await reply.end(b"data: x\n\n")
        until_s = time.monotonic() + 3 * SILENCE_S
        await until(lambda: _is(time.monotonic() > until_s), "silence would have been broken")
        done.set()

    async with _serving(short) as port:
        received = await exchange(port, request())
        await done.wait()

    assert b"keep-alive" not in received


@pytest.mark.req("R-10", "P-8")
async def test_a_reply_that_is_cut_has_its_last_words_and_no_end() -> None:
    async def cut(reply: WireReply) -> None:
        await reply.start(200, STREAM)
        await reply.write(b"data: x\n\n")
        reply.cut(b"data: error\n\n")

    async with _serving(cut) as port:
        received = await exchange(port, request())

    assert b"data: error\n\n" in received
    assert not received.endswith(b"0\r\n\r\n")


@pytest.mark.req("R-10")
async def test_last_words_that_are_an_end_have_one() -> None:
    async def cut(reply: WireReply) -> None:
        await reply.start(200, STREAM)
        reply.cut(b"data: failed\n\n", is_end=True)

    async with _serving(cut) as port:
        received = await exchange(port, request())

    assert received.endswith(b"data: failed\n\n\r\n0\r\n\r\n")


@pytest.mark.req("P-30")
async def test_a_caller_that_leaves_cancels_its_answer_in_silence() -> None:
    ended: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
    began = asyncio.Event()

    async def waiting(reply: WireReply) -> None:
        began.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            ended.set_result(reply.is_gone)
            raise

    async with _serving(waiting) as port:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request())
        await began.wait()
        writer.transport.abort()

        assert await asyncio.wait_for(ended, 5)


async def test_the_first_byte_is_timed() -> None:
    seen: list[int | None] = []

    async def answer(reply: WireReply) -> None:
        await reply.start(200, STREAM)
        seen.append(reply.first_byte_ns)
        await reply.write(b"x")
        seen.append(reply.first_byte_ns)
        await reply.end(b"x")
        seen.append(reply.first_byte_ns)

    async with _serving(answer) as port:
        await exchange(port, request())

    assert seen == [None, 1, 1]


async def test_a_reply_that_ends_with_its_first_words_is_timed_too() -> None:
    line = Line()
    reply = WireReply(line, EVERY, lambda: 7)

    await reply.end(b"x")

    assert (line.said, reply.first_byte_ns) == ([b"x"], 7)


@pytest.mark.req("H-146", "S-81")
@pytest.mark.parametrize("is_stalled", [True, False])
async def test_whoever_reads_slowly_is_waited_for_to_the_last_word(is_stalled: bool) -> None:
    line = Line(is_stalled=is_stalled)
    reply = WireReply(line, EVERY, lambda: 1)

    await reply.write(b"x")
    assert line.waited == is_stalled
    await reply.end(b"y")

    assert (line.said, line.waited) == ([b"x", b"y"], 2 * is_stalled)


async def test_what_a_reply_bears_goes_out_with_its_head() -> None:
    async def bearing(reply: WireReply) -> None:
        reply.bear(((b"x-tollhouse-queue", b"ahead=1"), (b"x-other", b"2")))
        await reply.start(200, STREAM)
        await reply.end()

    async with _serving(bearing) as port:
        head, _, _ = (await exchange(port, request())).partition(b"\r\n\r\n")

    assert EVERY + b"x-tollhouse-queue: ahead=1\r\nx-other: 2\r\n" in head + b"\r\n"


@pytest.mark.req("R-10")
async def test_who_was_cut_off_gets_no_more_signs_of_life() -> None:
    line = Line()
    reply = WireReply(line, EVERY, lambda: 1)
    reply.keep_alive(COMMENT, STREAM, 60.0)
    timer = reply._timer
    assert timer is not None

    reply.cut(b"")

    assert timer.cancelled()


class Line(Connection):
    """One that only writes down what goes out."""

    is_stalled = False

    def __init__(self, *, is_stalled: bool = False) -> None:
        self.is_stalled = is_stalled  # type: ignore[misc]
        self.said: list[bytes] = []
        self.waited = 0
        self.loop = asyncio.get_running_loop()

    def begin(self, status: int, headers: object, every: bytes) -> None:
        """The head is not looked at."""

    def write(self, data: bytes) -> None:
        self.said.append(data)

    def finish(self, data: bytes = b"") -> None:
        self.said.append(data)

    def cut(self, data: bytes, *, is_end: bool = False) -> None:
        self.said.append(data)

    async def flows(self) -> None:
        self.waited += 1


@asynccontextmanager
async def _serving(answer: Answer) -> AsyncIterator[int]:
    async def answered(_: Request, connection: Connection) -> None:
        times = iter(range(1, 1000))
        reply = WireReply(connection, EVERY, lambda: next(times))
        try:
            await answer(reply)
        finally:
            reply.close()

    async with served(answered) as port:
        yield port


async def _is(truth: bool) -> bool:
    return truth

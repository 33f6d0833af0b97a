"""Clocks, hang-ups, and the brakes for a slow reader."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import nullcontext

import pytest
from peer import ASK, CHUNKED, OK, Visit, answer_of, eventually, reaching, serve

from tollhouse.domain.errors import UpstreamBroke, UpstreamTimeout
from tollhouse.domain.exchange import Deadlines
from tollhouse.upstream.client import HttpUpstream
from tollhouse.upstream.connection import READ_BYTES, Connection
from tollhouse.upstream.dial import dial
from tollhouse.upstream.request import Heads
from tollhouse.upstream.response import Response
from tollhouse.upstream.way import way_to

PATIENT = {"connect_s": 5.0, "first_byte_s": 5.0, "between_s": 5.0, "whole_s": 5.0}
FIRST_CHUNK = CHUNKED + b"5\r\nhello\r\n"


@pytest.mark.req("P-29", "S-69")
@pytest.mark.parametrize(
    ("clock", "sent"),
    [
        ("first_byte_s", b""),
        ("first_byte_s", b"HTTP/1.1 100 Continue\r\n\r\n"),
        ("first_byte_s", b"HTTP/1.1 200 OK\r\ncontent-"),
        ("between_s", CHUNKED),
        ("between_s", FIRST_CHUNK),
        ("whole_s", b""),
        ("whole_s", FIRST_CHUNK),
    ],
)
async def test_each_clock_rings_and_is_named(clock: str, sent: bytes) -> None:
    async def script(visit: Visit) -> None:
        await visit.request()
        await visit.send(sent)
        await visit.hang_up_seen()

    async with (
        serve(script) as peer,
        reaching(peer.url, Deadlines(**{**PATIENT, clock: 0.1})) as upstream,
    ):
        started = time.monotonic()
        with pytest.raises(UpstreamTimeout) as problem:
            await answer_of(upstream)

    assert clock in problem.value.detail
    assert 0.09 < time.monotonic() - started < 4


async def test_whole_rings_though_bytes_keep_coming() -> None:
    async def script(visit: Visit) -> None:
        await visit.request()
        await visit.send(CHUNKED)
        while True:
            await visit.send(b"1\r\nx\r\n")

    async with (
        serve(script) as peer,
        reaching(peer.url, Deadlines(**{**PATIENT, "whole_s": 0.1})) as upstream,
    ):
        with pytest.raises(UpstreamTimeout, match="whole_s"):
            await answer_of(upstream)


async def test_silence_is_counted_anew_after_each_chunk() -> None:
    beats = 8

    async def script(visit: Visit) -> None:
        await visit.request()
        await visit.send(CHUNKED)
        for _ in range(beats):
            await _pass(0.05)
            await visit.send(b"1\r\nx\r\n")
        await visit.send(b"0\r\n\r\n")

    async with (
        serve(script) as peer,
        reaching(peer.url, Deadlines(**{**PATIENT, "between_s": 0.2})) as upstream,
    ):
        assert await answer_of(upstream) == (200, b"x" * beats)


@pytest.mark.req("P-29", "S-69")
async def test_a_clock_that_went_back_to_sleep_rings_all_the_same() -> None:
    async def script(visit: Visit) -> None:
        await visit.request()
        await visit.send(CHUNKED)
        for _ in range(6):
            await _pass(0.05)
            await visit.send(b"1\r\nx\r\n")
        await visit.hang_up_seen()

    async with (
        serve(script) as peer,
        reaching(peer.url, Deadlines(**{**PATIENT, "between_s": 0.2, "whole_s": 60})) as upstream,
    ):
        with pytest.raises(UpstreamTimeout, match="between_s"):
            await asyncio.wait_for(answer_of(upstream), 10)


async def test_a_reader_that_dawdles_is_no_silence_of_the_upstream() -> None:
    is_reading, read_again = asyncio.Event(), asyncio.Event()

    async def script(visit: Visit) -> None:
        await visit.request()
        await visit.send(CHUNKED)
        await is_reading.wait()
        await visit.send(b"5\r\nhello\r\n")
        await read_again.wait()
        await visit.send(b"0\r\n\r\n")

    async with (
        serve(script) as peer,
        reaching(peer.url, Deadlines(**{**PATIENT, "between_s": 0.1})) as upstream,
        upstream.send(ASK) as answer,
    ):
        is_reading.set()
        assert await answer.read() == b"hello"
        await _pass(0.3)
        read_again.set()
        assert await answer.read() == b""


async def test_what_came_before_a_clock_rang_is_handed_out() -> None:
    async def script(visit: Visit) -> None:
        await visit.request()
        await visit.send(FIRST_CHUNK)
        await visit.hang_up_seen()

    async with (
        serve(script) as peer,
        reaching(peer.url, Deadlines(**{**PATIENT, "whole_s": 0.1})) as upstream,
        upstream.send(ASK) as answer,
    ):
        await eventually(lambda: not answer._connection.is_open)
        assert await answer.read() == b"hello"
        with pytest.raises(UpstreamTimeout):
            await answer.read()


async def test_an_idle_connection_is_ended_after_a_while() -> None:
    gone: list[Connection] = []

    async def script(visit: Visit) -> None:
        await visit.request()
        await visit.send(OK)
        await visit.hang_up_seen()

    async with serve(script) as peer:
        connection = await dial(
            way_to(peer.url),
            lambda: Connection(Deadlines(), gone.append, memoryview(bytearray(1024))),
            5,
        )
        response = Response(None)
        connection.send(Heads(b"h").head(ASK), ASK.body, response, float("inf"))
        await eventually(lambda: response.is_complete)

        assert connection.rest(0.05)

        await eventually(lambda: gone == [connection])
        response.close()


@pytest.mark.req("P-30")
@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"HTTP/1.1 200 OK\r\n",
        CHUNKED,
        FIRST_CHUNK,
        b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhello",
    ],
    ids=["waiting", "in the head", "after the head", "in the stream", "in the body"],
)
async def test_a_cancelled_call_hangs_up(sent: bytes) -> None:
    async def script(visit: Visit) -> None:
        await visit.request()
        await visit.send(sent)

    await _assert_hang_up_is_seen(script, "http", answer_of)


@pytest.mark.req("P-30")
async def test_a_call_cancelled_while_connecting_hangs_up() -> None:
    async def script(visit: Visit) -> None:
        await visit._reader.readexactly(1)  # the first byte of a TLS handshake that gets no reply

    await _assert_hang_up_is_seen(script, "https", answer_of)


@pytest.mark.req("P-30")
@pytest.mark.parametrize("sent", [CHUNKED, FIRST_CHUNK])
async def test_leaving_an_answer_before_its_end_hangs_up(sent: bytes) -> None:
    async def leave(upstream: HttpUpstream) -> None:
        async with upstream.send(ASK):
            pass

    async def script(visit: Visit) -> None:
        await visit.request()
        await visit.send(sent)

    await _assert_hang_up_is_seen(script, "http", leave)


async def test_a_slow_reader_stops_the_upstream() -> None:
    size, piece = 64, b"x" * (1 << 20)
    sent = 0

    async def script(visit: Visit) -> None:
        nonlocal sent
        await visit.request()
        await visit.send(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % (size * len(piece)))
        for _ in range(size):
            await visit.send(piece)
            sent += 1

    async with serve(script) as peer, reaching(peer.url) as upstream, upstream.send(ASK) as answer:
        await eventually(lambda: answer._connection._is_paused)
        await _pass(0.1)
        assert answer._response.buffered < 1 << 20
        assert sent < size // 2

        received = 0
        while data := await answer.read():
            received += len(data)
        assert received == size * len(piece)


async def test_a_connection_that_was_braked_serves_again() -> None:
    body = b"x" * 1_000_000

    async def script(visit: Visit) -> None:
        while True:
            await visit.request()
            await visit.send(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(body), body)

    async with serve(script) as peer, reaching(peer.url) as upstream:
        for _ in range(3):
            async with upstream.send(ASK) as answer:
                await eventually(lambda: answer._connection._is_paused)
                received = b""
                while data := await answer.read():
                    received += data
                assert received == body

    assert peer.visits == 1


async def test_a_connection_that_was_braked_serves_again_though_nobody_read() -> None:
    body = b"x" * (READ_BYTES * 3 // 2)  # its last read is what brakes

    async def script(visit: Visit) -> None:
        while True:
            await visit.request()
            await visit.send(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body))

    async with serve(script) as peer, reaching(peer.url) as upstream:
        async with upstream.send(ASK) as answer:
            await eventually(lambda: answer._response.is_complete)
            assert answer._connection._is_paused
        assert await answer_of(upstream) == (200, body)

    assert peer.visits == 1


@pytest.mark.parametrize(
    "head", [CHUNKED + b"fffff\r\n", b"HTTP/1.1 200 OK\r\n\r\n"], ids=["cut", "ended"]
)
async def test_an_upstream_that_leaves_while_it_is_braked_is_noticed_in_the_end(
    head: bytes,
) -> None:
    body = b"x" * 1_000_000

    async def script(visit: Visit) -> None:
        await visit.request()
        visit.writer.write(head + body)  # and closes

    async with serve(script) as peer, reaching(peer.url) as upstream, upstream.send(ASK) as answer:
        await eventually(lambda: answer._connection._is_paused)
        received = b""
        with pytest.raises(UpstreamBroke) if head.startswith(CHUNKED) else nullcontext():
            while data := await answer.read():
                received += data

    assert received == body


async def _assert_hang_up_is_seen(
    script: Callable[[Visit], Awaitable[None]],
    scheme: str,
    call: Callable[[HttpUpstream], Awaitable[object]],
) -> None:
    ready, seen = asyncio.Event(), asyncio.Event()

    async def watch(visit: Visit) -> None:
        await script(visit)
        ready.set()
        await visit.hang_up_seen()
        seen.set()

    async with serve(watch) as peer, reaching(peer.url.replace("http", scheme)) as upstream:
        task = asyncio.ensure_future(call(upstream))
        await asyncio.wait_for(ready.wait(), 2)
        task.cancel()
        await asyncio.wait_for(seen.wait(), 4)
        await asyncio.wait([task])
        assert upstream.pool._slots == 0


async def _pass(seconds: float) -> None:
    """Let time go by: it is what the test is about."""
    ends_at = time.monotonic() + seconds
    await eventually(lambda: time.monotonic() > ends_at)

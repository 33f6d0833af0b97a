"""A request whose body leaves in pieces: as fast as it is taken, in time, and again if it must."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
from peer import OK, Visit, eventually, reaching, serve

from tollhouse.domain.errors import UpstreamBroke, UpstreamTimeout
from tollhouse.domain.exchange import Deadlines, Sending
from tollhouse.domain.forms import Form, Part, Upload

PIECE = 64 * 1024
MANY = 400
PATIENT = {"connect_s": 5.0, "first_byte_s": 5.0, "between_s": 5.0, "whole_s": 5.0}


class Endless:
    """Implements Kept: counts what was read of it."""

    def __init__(self, pieces: int) -> None:
        self.read_bytes = 0
        self.times = 0
        self._size = pieces * PIECE

    def __len__(self) -> int:
        return self._size

    async def read(self, begin: int, end: int) -> AsyncIterator[bytes]:
        self.times += begin == 0
        for at in range(begin, end, PIECE):
            size = min(PIECE, end - at)
            self.read_bytes += size
            yield b"x" * size


def sending(kept: Endless) -> Sending:
    upload = Upload(Form(b"b", (), kept), Part("model", 0, 3, text="ear"), b"other")
    return Sending(b"POST", b"/v1/ask", ((b"content-type", upload.media),), upload)


async def test_a_body_in_pieces_arrives_whole() -> None:
    seen = []

    async def script(visit: Visit) -> None:
        seen.append(await visit.request())
        await visit.send(OK)

    async with (
        serve(script) as peer,
        reaching(peer.url) as upstream,
        upstream.send(sending(Endless(3))) as answer,
    ):
        assert await answer.read() == b"hello"

    head, _, body = seen[0].partition(b"\r\n\r\n")
    assert b'content-type: multipart/form-data; boundary="b"' in head
    assert b"content-length: %d" % (3 * PIECE + 2) in head
    assert body == b"other" + b"x" * (3 * PIECE - 3)


async def test_the_connection_carries_the_next_one() -> None:
    async def script(visit: Visit) -> None:
        for _ in range(2):
            await visit.request()
            await visit.send(OK)

    async with serve(script) as peer, reaching(peer.url) as upstream:
        for _ in range(2):
            async with upstream.send(sending(Endless(3))) as answer:
                while await answer.read():
                    pass

        assert peer.visits == 1


@pytest.mark.req("B-2")
async def test_no_more_is_read_than_the_upstream_takes() -> None:
    may_read = asyncio.Event()

    async def script(visit: Visit) -> None:
        await may_read.wait()
        await visit.request()
        await visit.send(OK)

    kept = Endless(MANY)
    async with serve(script) as peer, reaching(peer.url) as upstream:
        exchange = upstream.send(sending(kept))
        entering = asyncio.ensure_future(exchange.__aenter__())
        await eventually(lambda: kept.read_bytes > 0)
        for _ in range(50):
            await asyncio.sleep(0.002)
        assert kept.read_bytes < MANY * PIECE / 2

        may_read.set()
        await entering
        await exchange.__aexit__(None, None, None)

    assert kept.read_bytes >= MANY * PIECE - PIECE


async def test_an_upstream_that_takes_nothing_more_is_left() -> None:
    async def script(visit: Visit) -> None:
        await asyncio.Event().wait()

    async with (
        serve(script) as peer,
        reaching(peer.url, Deadlines(**{**PATIENT, "between_s": 0.1})) as upstream,
    ):
        with pytest.raises(UpstreamTimeout, match="took no more"):
            await upstream.send(sending(Endless(MANY))).__aenter__()


@pytest.mark.req("P-29", "S-69")
async def test_an_upload_that_is_stuck_has_no_more_time_than_the_whole_call() -> None:
    async def script(visit: Visit) -> None:
        await asyncio.Event().wait()

    async with (
        serve(script) as peer,
        reaching(peer.url, Deadlines(**{**PATIENT, "whole_s": 0.1})) as upstream,
    ):
        began = time.monotonic()
        with pytest.raises(UpstreamTimeout, match="whole_s"):
            await upstream.send(sending(Endless(MANY))).__aenter__()

    assert time.monotonic() - began < 4


async def test_a_slow_upload_does_not_use_up_the_time_for_the_first_byte() -> None:
    async def script(visit: Visit) -> None:
        await asyncio.sleep(0.3)
        await visit.request()
        await visit.send(OK)

    async with (
        serve(script) as peer,
        reaching(peer.url, Deadlines(**{**PATIENT, "first_byte_s": 0.2})) as upstream,
        upstream.send(sending(Endless(MANY))) as answer,
    ):
        assert answer.status == 200


async def test_an_answer_before_the_end_of_the_body_is_taken_and_nothing_more_is_sent() -> None:
    async def script(visit: Visit) -> None:
        await visit.send(b"HTTP/1.1 413 Too Much\r\ncontent-length: 2\r\n\r\nno")
        await asyncio.Event().wait()

    kept = Endless(MANY)
    async with serve(script) as peer, reaching(peer.url) as upstream:
        async with upstream.send(sending(kept)) as answer:
            assert (answer.status, await answer.read()) == (413, b"no")

        assert kept.read_bytes < MANY * PIECE / 2
        assert upstream.pool.take() is None  # half a request is no place for another one


async def test_a_connection_that_ends_within_the_body_broke() -> None:
    async def script(visit: Visit) -> None:
        visit.reset()

    async with serve(script) as peer, reaching(peer.url) as upstream:
        exchange = upstream.send(sending(Endless(MANY)))
        with pytest.raises(UpstreamBroke):
            await exchange.__aenter__()

    assert exchange.is_sent


async def test_a_kept_connection_that_had_been_closed_is_replaced_and_the_body_begun_anew() -> None:
    async def script(visit: Visit) -> None:
        await visit.request()
        await visit.send(OK)
        if visit.number == 1:
            visit.reset()

    first, second = Endless(1), Endless(MANY)
    async with serve(script) as peer, reaching(peer.url) as upstream:
        async with upstream.send(sending(first)) as answer:
            while await answer.read():
                pass
        async with upstream.send(sending(second)) as answer:
            assert answer.status == 200

        assert peer.visits == 2


async def test_whoever_stops_waiting_hangs_up() -> None:
    gone = asyncio.Event()

    async def script(visit: Visit) -> None:
        await asyncio.sleep(0.05)
        await visit.hang_up_seen()
        gone.set()

    kept = Endless(MANY * 100)
    async with serve(script) as peer, reaching(peer.url) as upstream:
        entering = asyncio.ensure_future(upstream.send(sending(kept)).__aenter__())
        await eventually(lambda: kept.read_bytes > 0)
        entering.cancel()
        await asyncio.wait([entering])
        await eventually(gone.is_set)

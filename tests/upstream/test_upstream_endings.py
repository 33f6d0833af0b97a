"""How a connection ends: once, in time, and with nothing left of it."""

from __future__ import annotations

import asyncio
import gc

import pytest
from peer import ASK, CHUNKED, OK, Visit, always_ok, answer_of, eventually, reaching, serve

from tollhouse.domain.exchange import Deadlines
from tollhouse.upstream.connection import Connection
from tollhouse.upstream.dial import dial
from tollhouse.upstream.way import way_to

SOON_S = 4.0


@pytest.mark.req("P-29", "S-69")
async def test_an_answer_that_is_left_after_its_time_gives_its_connection_to_nobody() -> None:
    async def script(visit: Visit) -> None:
        await visit.request()
        await visit.send(OK)
        await visit.hang_up_seen()

    late = Deadlines(connect_s=5, first_byte_s=5, between_s=5, whole_s=0.1)
    async with serve(script) as peer, reaching(peer.url, late) as upstream:
        async with upstream.send(ASK) as answer:
            await eventually(lambda: not answer._connection.is_open)

        assert upstream.pool._slots == 0
        assert upstream.pool.take() is None


@pytest.mark.req("P-29")
async def test_a_connection_that_has_ended_is_kept_by_none_of_its_clocks() -> None:
    async def script(visit: Visit) -> None:
        for _ in range(2):
            await visit.request()
            await visit.send(OK)
        await visit.request()
        await visit.hang_up_seen()

    before = _connections()
    async with serve(script) as peer, reaching(peer.url) as upstream:
        for _ in range(2):
            await answer_of(upstream)
        waiting = asyncio.ensure_future(answer_of(upstream))
        await eventually(lambda: bool(upstream.pool._slots and not upstream.pool._idle))
        waiting.cancel()
        await asyncio.wait([waiting])
        del waiting

        await eventually(lambda: _connections() == before, within_s=SOON_S)


@pytest.mark.req("P-29")
async def test_a_clock_that_another_one_overtook_keeps_nothing_either() -> None:
    async def script(visit: Visit) -> None:
        await visit.request()
        await visit.send(CHUNKED + b"5\r\nhello\r\n")
        await visit.hang_up_seen()

    before = _connections()
    patient = Deadlines(connect_s=5, first_byte_s=60, between_s=10, whole_s=60)
    async with serve(script) as peer, reaching(peer.url, patient) as upstream:
        async with upstream.send(ASK) as answer:
            assert await answer.read() == b"hello"
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(answer.read(), 0.05)

        await eventually(lambda: _connections() == before, within_s=SOON_S)


async def test_a_connection_that_is_being_ended_is_given_to_nobody() -> None:
    async with serve(always_ok) as peer, reaching(peer.url) as upstream:
        async with upstream.send(ASK) as answer:
            assert await answer.read() == b"hello"
            answer._connection._hang_up()  # the event loop has not told yet that it is gone

        assert upstream.pool._slots == 0
        assert upstream.pool.take() is None


async def test_an_answer_that_was_left_leaves_nothing_for_the_collector() -> None:
    async with serve(always_ok) as peer, reaching(peer.url) as upstream:
        async with upstream.send(ASK) as answer:
            response = answer._response

        assert not hasattr(response, "_parser")  # it holds on to the answer, and the answer to it


async def test_that_a_connection_has_ended_is_told_once() -> None:
    gone: list[Connection] = []

    async with serve(always_ok) as peer:
        connection = await dial(
            way_to(peer.url),
            lambda: Connection(Deadlines(), gone.append, memoryview(bytearray(1024))),
            5,
        )
        connection.abort()
        assert gone == [connection]
        await eventually(lambda: connection._transport is None)

    assert gone == [connection]


def _connections() -> int:
    return sum(isinstance(it, Connection) for it in gc.get_objects())

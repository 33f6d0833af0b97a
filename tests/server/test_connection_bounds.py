"""How much of a connection is kept, thrown away, or counted against its caller."""

from __future__ import annotations

import asyncio

import pytest

from server.answers import GET, POST, echo, line, refuse, reply_to, until
from server.doors import opened, served
from tollhouse.server.clocks import Clocks
from tollhouse.server.connection import HIGH_WATER, LINGER_BYTES, Connection
from tollhouse.server.request import Request

LONG_S = 60.0
PIECE = b"x" * (1024 * 1024)
PATIENT = Clocks(LONG_S, LONG_S, LONG_S, LONG_S, LONG_S, LONG_S, LONG_S, look_s=0.02)


@pytest.mark.req("H-39", "S-7")
async def test_of_a_body_that_nobody_wants_only_so_much_is_thrown_away() -> None:
    """However quickly it comes."""
    async with opened(refuse, PATIENT) as (door, port), line(port) as caller:
        caller.send(POST + b"content-length: %d\r\n\r\n" % (4 * LINGER_BYTES))
        assert (await caller.answer())[0] == 401

        for _ in range(2 * LINGER_BYTES // len(PIECE)):
            caller.send(PIECE)

        await until(lambda: not door.connections, "the connection is gone")


@pytest.mark.req("H-39", "S-7")
async def test_a_body_within_that_is_thrown_away_to_its_end() -> None:
    async with opened(refuse, PATIENT) as (door, port), line(port) as caller:
        caller.send(POST + b"content-length: %d\r\n\r\n" % LINGER_BYTES)
        assert (await caller.answer())[0] == 401

        for _ in range(LINGER_BYTES // len(PIECE) - 1):
            caller.send(PIECE)
            await caller.writer.drain()

        assert await caller.rest() == b""
        assert len(door.connections) == 1


@pytest.mark.req("P-22", "H-146")
async def test_of_an_answer_that_nobody_reads_hardly_more_is_kept_than_the_system_does() -> None:
    async def endless(_: Request, connection: Connection) -> None:
        reply = reply_to(connection)
        await reply.start(200, ())
        while True:
            await reply.write(b"x" * 1024)

    async with opened(endless, PATIENT) as (door, port), line(port, limit=1024) as caller:
        caller.send(GET % b"")
        await until(lambda: any(one.is_stalled for one in door.connections), "it is stalled")
        (connection,) = door.connections

        kept = connection._transport.get_write_buffer_size()

    assert HIGH_WATER < kept < 2 * HIGH_WATER


@pytest.mark.req("S-8")
async def test_a_requests_clock_runs_from_its_first_byte_not_from_that_of_the_connection() -> None:
    body_s = 0.8
    clocks = Clocks(LONG_S, body_s, LONG_S, LONG_S, LONG_S, LONG_S, LONG_S, look_s=0.02)
    async with served(echo, clocks) as port, line(port) as caller:
        await asyncio.sleep(1.5 * body_s)  # it is time itself that is tried
        caller.send(POST + b"content-length: 2\r\n\r\n")
        await asyncio.sleep(0.1)
        caller.send(b"{}")

        assert (await caller.answer())[0] == 200


async def test_a_connection_knows_whose_it_is() -> None:
    async with opened(echo) as (door, port), line(port):
        await until(lambda: bool(door.connections), "it is there")

        assert [one.peer for one in door.connections] == ["127.0.0.1"]

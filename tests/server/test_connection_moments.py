"""Moments in which a connection could be ended too early, or not at all."""

from __future__ import annotations

import asyncio

import pytest

from server.answers import GET, POST, echo, line, refuse, until
from server.doors import opened
from tollhouse.server.clocks import Clocks
from tollhouse.server.connection import READ_S, Connection
from tollhouse.server.request import Request

LONG_S = 60.0
LOOK_S = 0.02
PATIENT = Clocks(LONG_S, LONG_S, LONG_S, LONG_S, LONG_S, LONG_S, LONG_S, look_s=LOOK_S)
READY = "it is there"


@pytest.mark.req("S-8")
async def test_a_request_that_has_just_come_is_answered_however_long_the_silence_was() -> None:
    """Between its last byte and the task that takes it up."""
    async with opened(echo, PATIENT) as (door, port), line(port) as caller:
        await until(lambda: bool(door.connections), READY)
        (connection,) = door.connections

        connection.data_received(GET % b"a")
        connection.look(asyncio.get_running_loop().time() + 1000.0)

        assert (await caller.answer())[2] == b"/a"


@pytest.mark.req("P-36")
async def test_a_door_that_drains_leaves_the_idle_their_time() -> None:
    async with opened(echo, PATIENT) as (door, port), line(port) as caller:
        caller.send(GET % b"a")
        await caller.answer()
        draining = asyncio.create_task(door.drain(LONG_S, asyncio.Event()))

        await asyncio.sleep(10 * LOOK_S)  # what does not come has no event

        assert len(door.connections) == 1
        draining.cancel()
        await asyncio.wait([draining])


@pytest.mark.req("P-36")
async def test_who_was_heard_in_the_last_moment_does_not_part() -> None:
    async with opened(echo, PATIENT) as (door, port), line(port) as caller:
        await until(lambda: bool(door.connections), READY)
        (connection,) = door.connections

        connection._part(connection._heard_s - 1.0)
        caller.send(GET % b"a")

        assert (await caller.answer())[2] == b"/a"


@pytest.mark.req("P-36")
async def test_a_call_that_is_still_being_written_down_is_no_silence() -> None:
    """Its reply has gone out. Who took it for idle would part with it, and then once more: with a reset."""
    is_written = asyncio.Event()

    async def slowly(request: Request, connection: Connection) -> None:
        await echo(request, connection)
        await is_written.wait()

    async with opened(slowly, PATIENT) as (door, port), line(port) as caller:
        caller.send(GET % b"a")
        await caller.answer()
        (connection,) = door.connections
        door.is_draining = True

        connection.look(asyncio.get_running_loop().time() + 1000.0)
        await asyncio.sleep(3 * READ_S)  # what does not come has no event
        still_there = len(door.connections)
        is_written.set()

        assert await caller.rest() == b""
        assert still_there == 1


@pytest.mark.req("P-36")
async def test_to_part_twice_is_no_reset() -> None:
    """A loop that is late may look twice before the first parting."""
    async with opened(echo, PATIENT) as (door, port), line(port) as caller:
        await until(lambda: bool(door.connections), READY)
        (connection,) = door.connections

        connection._part(connection._heard_s)
        connection._part(connection._heard_s)

        assert await caller.rest() == b""


@pytest.mark.req("P-36", "S-7")
async def test_who_is_only_listened_out_is_gone_at_once_when_all_ends() -> None:
    """Its answer has gone out, and there is nobody to say last words."""
    async with opened(refuse, PATIENT) as (door, port), line(port) as caller:
        caller.send(POST + b"content-length: 100\r\n\r\n")
        await caller.answer()
        (connection,) = door.connections
        await until(lambda: connection._lingers, "it is listened out")

        last_words = connection.end()

        assert last_words is None
        await until(lambda: not door.connections, "the connection is gone")

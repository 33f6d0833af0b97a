"""The door tells of connections that never become a request: nothing else would."""

from __future__ import annotations

import asyncio
import time

import pytest

from server.doors import opened
from tollhouse.domain.suspicion import Sign
from tollhouse.server.clocks import Clocks
from tollhouse.server.connection import Connection
from tollhouse.server.request import Request

PATIENCE_S = 10.0


@pytest.mark.req("OL-16")
async def test_a_connection_too_many_from_one_address_is_told() -> None:
    told: list[Sign] = []

    async with opened(_silent, most_per_address=1, on_suspicion=told.append) as (_, port):
        _, first = await asyncio.open_connection("127.0.0.1", port)
        _, second = await asyncio.open_connection("127.0.0.1", port)
        await _until(told)
        first.close()
        second.close()

    assert told == [Sign.CROWDING]


@pytest.mark.req("OL-16")
async def test_a_connection_that_never_asks_is_told() -> None:
    told: list[Sign] = []

    async with opened(_silent, Clocks(head_s=0.1), on_suspicion=told.append) as (_, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        assert await asyncio.wait_for(reader.read(), PATIENCE_S) == b""
        writer.close()

    assert told == [Sign.STALLING]


@pytest.mark.req("OL-16")
async def test_a_connection_that_has_asked_may_be_idle_and_end() -> None:
    told: list[Sign] = []

    async with opened(_answered, Clocks(idle_s=0.1), on_suspicion=told.append) as (_, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n")
        assert b"204" in await asyncio.wait_for(reader.read(), PATIENCE_S)
        writer.close()

    assert told == []


@pytest.mark.req("OL-16")
async def test_an_answer_that_is_never_read_is_told() -> None:
    told: list[Sign] = []

    async with opened(_endless, Clocks(stall_s=0.1), on_suspicion=told.append) as (_, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n")
        await _until(told)
        writer.transport.abort()
        del reader

    assert told == [Sign.STALLING]


async def _silent(request: Request, connection: Connection) -> None:
    await asyncio.Event().wait()


async def _answered(request: Request, connection: Connection) -> None:
    connection.begin(204, [(b"content-length", b"0")], b"")
    connection.finish(b"")


async def _endless(request: Request, connection: Connection) -> None:
    connection.begin(200, [], b"")
    while not connection.is_lost:
        connection.write(b"x" * 65536)
        await connection.flows()
        await asyncio.sleep(0)


async def _until(told: list[Sign]) -> None:
    give_up_at = time.monotonic() + PATIENCE_S
    while not told:
        assert time.monotonic() < give_up_at, "in vain waited for a sign"
        await asyncio.sleep(0.01)

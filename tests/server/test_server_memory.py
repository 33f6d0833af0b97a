"""What a crowd left behind goes back, and what has ended leaves nothing for the collector."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from server.answers import GET, echo, line, reply_to, say, until
from server.doors import opened
from tollhouse.domain.errors import Problem
from tollhouse.server.clocks import Clocks
from tollhouse.server.connection import Connection
from tollhouse.server.memory import CROWD, Tide, give_back
from tollhouse.server.request import Request

pytestmark = pytest.mark.req("S-81", "P-22")


def test_memory_is_given_back_once_most_of_a_crowd_has_left() -> None:
    given: list[int] = []
    tide = Tide(lambda: given.append(1))

    for connections in (CROWD, CROWD * 2, CROWD + 1):
        tide.stands_at(connections)
    before = len(given)
    for connections in (CROWD, CROWD - 1, 1):
        tide.stands_at(connections)

    assert (before, len(given)) == (0, 2)


def test_a_few_who_leave_are_no_crowd() -> None:
    given: list[int] = []
    tide = Tide(lambda: given.append(1))

    for connections in (CROWD - 1, 0, 1, 0):
        tide.stands_at(connections)

    assert given == []


def test_memory_is_given_back_wherever_the_system_can() -> None:
    give_back()


@pytest.mark.parametrize("end", ["by itself", "in the middle of an answer", "by its deadline"])
async def test_a_connection_that_has_ended_leaves_nothing_for_the_collector(end: str) -> None:
    clocks = Clocks(head_s=0.1 if end == "by its deadline" else 60.0, look_s=0.02)
    answer = ANSWERS[end]

    with without_collections():
        async with opened(answer, clocks) as (door, port):
            async with line(port) as caller:
                caller.send(GET % b"" if end != "by its deadline" else b"GET / HT")
                await caller.until(b"\r\n\r\n")
                seen = [weakref.ref(each) for each in door.connections]
            await until(lambda: not any(ref() for ref in seen), "it is gone")

    assert len(seen) == 1


async def _endless(_: Request, connection: Connection) -> None:
    reply = reply_to(connection)
    reply.keep_alive(b":\n\n", (), 60.0)
    await reply.start(200, ())
    try:
        await asyncio.Event().wait()
    finally:
        reply.close()


async def _refused(request: Request, connection: Connection) -> None:
    try:
        if request.problem is not None:
            raise request.problem
    except Problem as problem:
        await say(connection, problem.status, b"")
        problem.forget()


ANSWERS = {"by itself": echo, "in the middle of an answer": _endless, "by its deadline": _refused}


@contextmanager
def without_collections() -> Iterator[None]:
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()

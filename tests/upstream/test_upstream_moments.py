"""What a connection does in single moments, told to a transport that writes it down."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from peer import OK

from tollhouse.domain.exchange import Deadlines
from tollhouse.upstream.connection import PAUSE_ABOVE, READ_BYTES, Connection
from tollhouse.upstream.response import Response

LONG = b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n"
LATER = 60.0


class Wire(asyncio.Transport):
    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []

    def write(self, data: bytes | bytearray | memoryview) -> None:
        pass

    def get_write_buffer_size(self) -> int:
        return 0

    def pause_reading(self) -> None:
        self.said.append("pause")

    def resume_reading(self) -> None:
        self.said.append("resume")

    def abort(self) -> None:
        self.said.append("abort")


@pytest.mark.req("B-24", "OP-20")
async def test_what_nobody_reads_brakes_the_upstream_each_time_anew() -> None:
    asked = Asked()
    asked.hears(LONG)

    asked.hears(b"x" * PAUSE_ABOVE)
    assert asked.wire.said == []
    asked.hears(b"x")
    asked.hears(b"x")
    assert asked.wire.said == ["pause"]

    asked.response.take()
    asked.connection.resume()
    asked.hears(b"x" * (PAUSE_ABOVE + 1))

    assert asked.wire.said == ["pause", "resume", "pause"]


@pytest.mark.req("P-2")
async def test_who_has_not_heard_all_of_a_request_gets_no_other() -> None:
    """Else the rest of it would be read as the next one."""
    asked = Asked()

    async def pieces() -> AsyncIterator[bytes]:
        yield b"a piece"
        asked.hears(OK)
        yield b"another"

    await asked.connection.pour(pieces())

    assert asked.response.is_complete
    assert not asked.connection.rest(LATER)


async def test_who_has_heard_all_of_it_gets_the_next_one() -> None:
    asked = Asked()

    async def pieces() -> AsyncIterator[bytes]:
        yield b"a piece"

    await asked.connection.pour(pieces())
    asked.hears(OK)

    assert asked.connection.rest(LATER)


async def test_that_there_is_room_again_may_be_said_to_nobody() -> None:
    asked = Asked()

    asked.connection.pause_writing()
    asked.connection.resume_writing()

    assert not asked.connection._is_full


async def test_to_move_a_deadline_later_makes_no_timer() -> None:
    asked = Asked(Deadlines(first_byte_s=1, between_s=2, whole_s=LATER))
    asked.connection.more()
    timer = asked.connection._timer

    asked.hears(LONG)
    asked.connection.more()

    assert timer is not None
    assert asked.connection._timer is timer
    asked.connection.abort()


@pytest.mark.req("S-69")
async def test_who_answers_early_and_falls_silent_is_not_said_to_read_slowly() -> None:
    asked = Asked(Deadlines(between_s=0.01, whole_s=LATER))

    async def pieces() -> AsyncIterator[bytes]:
        asked.hears(LONG)
        yield b"a piece"

    await asked.connection.pour(pieces())
    await asked.connection.more()

    with pytest.raises(Exception, match="fell silent"):
        asked.connection.more()


class Asked:
    """A connection on which something was asked."""

    def __init__(self, deadlines: Deadlines | None = None) -> None:
        self.wire = Wire()
        self._scratch = memoryview(bytearray(4 * READ_BYTES))
        self.connection = Connection(deadlines or Deadlines(), lambda _: None, self._scratch)
        self.connection.connection_made(self.wire)
        self.response = Response(None)
        ends_at = asyncio.get_running_loop().time() + LATER
        self.connection.send(b"POST / HTTP/1.1\r\n\r\n", b"", self.response, ends_at)

    def hears(self, data: bytes) -> None:
        self._scratch[: len(data)] = data
        self.connection.buffer_updated(len(data))

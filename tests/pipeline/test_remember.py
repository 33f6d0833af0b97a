"""A reply that remembers passes everything on, and keeps no more than it may."""

from __future__ import annotations

import sys

import pytest

from fakes import FakeReply
from tollhouse.domain.errors import Internal, Problem
from tollhouse.pipeline.remember import Remembering

pytestmark = pytest.mark.req("S-93", "P-22")


class Closing(FakeReply):
    is_closed = False

    def close(self) -> None:
        self.is_closed = True


class Kept:
    """What was kept, and what the caller had been told by then."""

    def __init__(self) -> None:
        self.reply = Closing()
        self.media = self.body = self.told_before = b""
        self.times = 0

    def remembering(self, most_bytes: int = 100) -> Remembering:
        return Remembering(self.reply, most_bytes, self.keep)

    async def keep(self, media: bytes, body: bytes) -> None:
        self.media, self.body, self.told_before = media, body, self.reply.said
        self.times += 1


async def test_the_whole_is_kept_before_its_end_is_told() -> None:
    kept = Kept()
    reply = kept.remembering()

    await reply.start(200, ((b"content-type", b"text/plain"),))
    await reply.write(b"one ")
    await reply.end(b"two")

    assert (kept.media, kept.body, kept.times) == (b"text/plain", b"one two", 1)
    assert kept.told_before == b"one "
    assert (kept.reply.status, kept.reply.said, kept.reply.is_ended) == (200, b"one two", True)


async def test_what_has_no_end_of_its_own_is_not_kept() -> None:
    kept = Kept()
    reply = kept.remembering()
    await reply.start(200, ())
    await reply.write(b"one ")

    reply.cut(b"broken", is_end=True)

    assert (kept.times, kept.reply.said, kept.reply.is_ended) == (0, b"one broken", True)


async def test_what_grows_beyond_the_bound_is_let_go_of_at_once() -> None:
    kept = Kept()
    reply = kept.remembering(most_bytes=100)
    pieces = [bytes(60), bytes(60)]
    known = [sys.getrefcount(each) for each in pieces]

    for number in range(2):
        await reply.write(pieces[number])
    await reply.write(b".")

    assert [sys.getrefcount(each) for each in pieces] == known
    await reply.end()
    assert (kept.times, len(kept.reply.said)) == (0, 121)


async def test_all_else_passes_as_it_is() -> None:
    kept = Kept()
    reply = kept.remembering()

    def words(problem: Problem, request_id: str) -> bytes:
        return b""

    reply.last_words = words
    reply.bear(((b"x-a", b"b"),))
    reply.keep_alive(b":", (), 3.0)
    kept.reply.is_gone, kept.reply.first_byte_ns = True, 7
    await reply.start(200, ())
    reply.close()

    assert kept.reply.last_words is reply.last_words is words
    assert words(Internal(), "") == b""
    assert kept.reply.borne == ((b"x-a", b"b"),)
    assert kept.reply.silence_s == 3.0
    assert (reply.is_gone, reply.first_byte_ns, reply.is_started) == (True, 7, True)
    assert kept.reply.is_closed

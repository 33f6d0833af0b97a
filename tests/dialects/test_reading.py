from __future__ import annotations

from collections.abc import Sequence

import pytest

from tollhouse.dialects.reading import Events, StreamReader, WholeReader
from tollhouse.dialects.sse import LONGEST_EVENT
from tollhouse.domain.deltas import Delta, Said
from tollhouse.domain.errors import UpstreamBroke, UpstreamFailed

STREAM = b": hello\n\nid: 1\ndata: a\r\n\r\ndata: b\ndata: c\n\nevent: x\ndata: !\n\ndata: late\n\n"
PIECES = [Said("a"), Said("b\nc")]


@pytest.mark.req("P-15")
@pytest.mark.parametrize("at", range(len(STREAM) + 1))
def test_a_stream_is_the_same_wherever_it_is_split(at: int) -> None:
    reader = StreamReader(Events(), _Words())

    pieces = [*reader.feed(STREAM[:at]), *reader.feed(STREAM[at:])]

    assert pieces == PIECES
    assert reader.is_over
    assert reader.failure is None


def test_what_came_before_a_failure_is_read_and_nothing_after_it() -> None:
    reader = StreamReader(Events(), _Words())

    pieces = reader.feed(b"data: a\n\ndata: ?\n\ndata: b\n\n")

    assert pieces == [Said("a")]
    assert isinstance(reader.failure, UpstreamFailed)


@pytest.mark.req("R-10")
def test_a_stream_that_ends_before_the_answer_has_failed() -> None:
    reader = StreamReader(Events(), _Words())

    pieces = [*reader.feed(b"data: a\n\n"), *reader.finish()]

    assert pieces == [Said("a")]
    assert isinstance(reader.failure, UpstreamBroke)


def test_an_event_without_its_blank_line_is_one() -> None:
    reader = StreamReader(Events(), _Words())

    pieces = [*reader.feed(b"data: a\n\ndata: !"), *reader.finish()]

    assert pieces == [Said("a")]
    assert (reader.is_over, reader.failure) == (True, None)


def test_once_all_was_said_a_torn_event_does_no_harm() -> None:
    reader = StreamReader(Events(), _Words())

    reader.feed(b"data: .\n\ndata: {torn")
    reader.finish()

    assert reader.failure is None


def test_once_all_was_said_an_error_is_one_still() -> None:
    reader = StreamReader(Events(), _Words())

    reader.feed(b"data: .\n\ndata: ?")
    reader.finish()

    assert isinstance(reader.failure, UpstreamFailed)


def test_a_torn_event_does_not_say_that_it_was_the_last() -> None:
    reader = StreamReader(Events(), _Words())

    reader.feed(b"data: a\n\ndata: {torn.")
    reader.finish()

    assert isinstance(reader.failure, UpstreamBroke)


@pytest.mark.req("S-71")
def test_an_event_without_end_is_not_read_for_ever() -> None:
    reader = StreamReader(Events(), _Words())

    reader.feed(b"data: " + b"x" * LONGEST_EVENT)

    assert isinstance(reader.failure, UpstreamBroke)
    assert reader.failure.__traceback__ is None


def test_a_failure_does_not_hold_on_to_the_way_it_came() -> None:
    reader = StreamReader(Events(), _Words())

    reader.feed(b"data: ?\n\n")

    assert reader.failure is not None
    assert reader.failure.__traceback__ is None


def test_an_answer_in_one_piece_is_read_at_its_end() -> None:
    reader = WholeReader(_Words().read)

    assert reader.feed(b"a") == reader.feed(b"b") == ()
    assert reader.finish() == [Said("ab")]
    assert reader.is_over


def test_an_answer_in_one_piece_that_is_none_has_failed() -> None:
    reader = WholeReader(_Words().read)

    reader.feed(b"?")

    assert reader.finish() == ()
    assert isinstance(reader.failure, UpstreamFailed)
    assert not reader.is_over


class _Words:
    """Implements Meaning: `.` is the last word, `!` the end, `?` an error."""

    def __init__(self) -> None:
        self.is_finished = False
        self.is_over = False

    def read(self, frame: bytes) -> Sequence[Delta]:
        if frame == b"?":
            raise UpstreamFailed
        self.is_finished = self.is_finished or frame.endswith(b".")
        if frame.startswith(b"{"):
            raise UpstreamBroke
        self.is_over = frame == b"!"
        return [] if frame in b".!" else [Said(frame.decode())]

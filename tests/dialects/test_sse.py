from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollhouse.dialects.sse import LONGEST_EVENT, EventBuffer, data_of, events
from tollhouse.domain.errors import UpstreamBroke

STREAM = b"data: a\n\n: ping\n\nevent: x\ndata: b\ndata: c\n\n\ndata: d"
WHOLE = [b"data: a", b": ping", b"event: x\ndata: b\ndata: c"]


@pytest.mark.req("R-9")
@pytest.mark.parametrize("newline", [b"\n", b"\r\n", b"\r"])
@given(st.lists(st.integers(0, len(STREAM) * 2)))
def test_events_come_out_whole_and_once_however_they_were_split(
    newline: bytes, cuts: list[int]
) -> None:
    stream = STREAM.replace(b"\n", newline)
    places = [0, *sorted({min(cut, len(stream)) for cut in cuts}), len(stream)]
    buffer, out = EventBuffer(), b""

    for start, end in pairwise(places):
        passed = buffer.push(stream[start:end])
        assert passed == b"" or passed.endswith(b"\n\n")
        out += passed

    assert [event.strip(b"\n") for event in events(out)] == WHOLE
    assert data_of(buffer.drain()) == b"d"


@pytest.mark.req("R-9", "H-145")
@pytest.mark.parametrize("newline", [b"\n", b"\r\n", b"\r"])
def test_events_come_out_whole_and_once_byte_by_byte(newline: bytes) -> None:
    buffer = EventBuffer()

    out = b"".join(buffer.push(bytes([byte])) for byte in STREAM.replace(b"\n", newline))

    assert [event.strip(b"\n") for event in events(out)] == WHOLE
    assert data_of(buffer.drain()) == b"d"


@pytest.mark.req("R-9", "H-145")
def test_a_line_feed_is_half_of_a_line_end_only_behind_its_other_half() -> None:
    buffer = EventBuffer()

    assert buffer.push(b"data: a\n") == b""
    assert buffer.push(b"\ndata: b\r\n\r\n") == b"data: a\n\ndata: b\n\n"


@pytest.mark.req("R-9", "H-145")
def test_a_carriage_return_has_one_other_half_and_no_more() -> None:
    buffer = EventBuffer()

    passed = [buffer.push(piece) for piece in (b"data: a\r", b"\n", b"", b"\n", b"data: b")]

    assert passed == [b"", b"", b"", b"data: a\n\n", b""]


@pytest.mark.req("R-9", "H-145")
def test_an_empty_piece_parts_no_line_end() -> None:
    buffer = EventBuffer()

    passed = [buffer.push(piece) for piece in (b"data: a\r", b"", b"\n", b"data: b\n\n")]

    assert passed == [b"", b"", b"", b"data: a\ndata: b\n\n"]


def test_what_was_drained_is_not_drained_again() -> None:
    buffer = EventBuffer()
    buffer.push(b"data: a")

    assert (data_of(buffer.drain()), data_of(buffer.drain())) == (b"a", b"")


@pytest.mark.req("R-9")
def test_a_whole_event_is_not_held_back() -> None:
    buffer = EventBuffer()

    assert buffer.push(b"data: a\n\n") == b"data: a\n\n"
    assert buffer.push(b"data: b\r\n\r\n") == b"data: b\n\n"
    assert buffer.push(b"data: c\n") == b""
    assert buffer.push(b"\ndata: d") == b"data: c\n\n"


def test_an_event_may_be_long_but_not_endless() -> None:
    buffer = EventBuffer()

    assert buffer.push(b"x" * LONGEST_EVENT) == b""
    with pytest.raises(UpstreamBroke):
        buffer.push(b"x")


@pytest.mark.parametrize(
    ("event", "data"),
    [
        (b"data: a", b"a"),
        (b"data:a", b"a"),
        (b"data:  a", b" a"),
        (b"data: a\ndata: b", b"a\nb"),
        (b"event: x\ndata: a\nid: 1", b"a"),
        (b": data: a", b""),
        (b"datax: a", b""),
        (b"", b""),
    ],
)
def test_the_data_of_an_event(event: bytes, data: bytes) -> None:
    assert data_of(event) == data

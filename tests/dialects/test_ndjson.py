from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollhouse.dialects.ndjson import LONGEST_LINE, LineBuffer
from tollhouse.domain.errors import UpstreamBroke

TEXT = b'{"a":1}\n\n{"b":"\xc3\xa9"}\r\n  \n{"c":3}'
LINES = [b'{"a":1}', b'{"b":"\xc3\xa9"}', b'{"c":3}']


@pytest.mark.req("OL-39")
@pytest.mark.parametrize("cut", range(len(TEXT) + 1))
def test_where_a_stream_is_cut_changes_nothing(cut: int) -> None:
    buffer = LineBuffer()

    lines = [*buffer.push(TEXT[:cut]), *buffer.push(TEXT[cut:]), *buffer.drain()]

    assert lines == LINES


@pytest.mark.req("OL-39")
@given(st.lists(st.binary(max_size=20), max_size=30))
def test_any_pieces_give_the_lines_of_their_whole(pieces: list[bytes]) -> None:
    buffer = LineBuffer()

    lines = [line for piece in pieces for line in buffer.push(piece)] + buffer.drain()

    whole = b"".join(pieces)
    assert lines == [line for each in whole.split(b"\n") if (line := each.strip())]


@pytest.mark.req("OL-39")
def test_a_line_is_not_held_back() -> None:
    buffer = LineBuffer()

    pieces = [b'{"a":1}\n{"b"', b":2}", b"\n", b'{"c":3}']

    assert [buffer.push(piece) for piece in pieces] == [[b'{"a":1}'], [], [b'{"b":2}'], []]
    assert (buffer.drain(), buffer.drain()) == ([b'{"c":3}'], [])


@pytest.mark.req("OL-39")
def test_a_line_without_end_is_not_waited_for() -> None:
    buffer = LineBuffer()
    buffer.push(b"x" * LONGEST_LINE)

    with pytest.raises(UpstreamBroke):
        buffer.push(b"x")

"""AWS's event stream: what was written is read, and what was touched on its way is not."""

from __future__ import annotations

import struct
from zlib import crc32

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollhouse.dialects.event_stream import (
    LONGEST_HEADERS,
    LONGEST_MESSAGE,
    Message,
    Messages,
    read_message,
    written,
)
from tollhouse.domain.errors import UpstreamBroke

names = st.text(min_size=1, max_size=20)
messages = st.builds(
    Message, st.dictionaries(names, st.text(max_size=40), max_size=4), st.binary(max_size=60)
)
HELLO = written({":event-type": "hello", ":message-type": "event"}, b'{"a":1}')


@given(said=messages)
def test_what_was_written_is_read(said: Message) -> None:
    assert read_message(written(said.headers, said.body)) == said


@given(said=st.lists(messages, max_size=4), data=st.data())
def test_a_stream_is_the_same_wherever_it_is_cut(said: list[Message], data: st.DataObject) -> None:
    stream = b"".join(written(each.headers, each.body) for each in said)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=6)))
    pieces = [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    taking = Messages()

    frames = [frame for piece in pieces for frame in taking.push(piece)]

    assert [read_message(frame) for frame in frames] == said
    assert taking.drain() == []


def test_messages_come_byte_by_byte() -> None:
    taking = Messages()

    frames = [
        frame for at in range(2 * len(HELLO)) for frame in taking.push((HELLO * 2)[at : at + 1])
    ]

    assert frames == [HELLO, HELLO]


@pytest.mark.parametrize("flip", [0x01, 0x80, 0xFF])
def test_a_message_that_was_touched_anywhere_is_not_read(flip: int) -> None:
    for at in range(len(HELLO)):
        touched = bytearray(HELLO + HELLO)
        touched[at] ^= flip
        taking = Messages()

        frames = [*taking.push(bytes(touched)), *taking.drain()]

        with pytest.raises(UpstreamBroke):
            read_message(frames[0])


def test_a_length_that_was_touched_is_not_waited_for() -> None:
    touched = bytearray(HELLO)
    touched[2] ^= 0x01

    assert Messages().push(bytes(touched)) == [bytes(touched)]


def test_a_message_of_another_length_than_it_says_is_none() -> None:
    lengths = struct.pack(">II", 100, 0)
    message = lengths + struct.pack(">I", crc32(lengths)) + b"{}"

    with pytest.raises(UpstreamBroke):
        read_message(message + struct.pack(">I", crc32(message)))


def test_a_message_that_was_cut_is_none() -> None:
    for at in range(1, len(HELLO)):
        taking = Messages()

        frames = [*taking.push(HELLO[:at]), *taking.drain()]

        assert frames == [HELLO[:at]]
        with pytest.raises(UpstreamBroke):
            read_message(frames[0])


@pytest.mark.parametrize(
    ("size", "headers"),
    [
        (0, 0),
        (15, 0),
        (16, 1),
        (LONGEST_MESSAGE + 1, 0),
        (2**32 - 1, 0),
        (LONGEST_MESSAGE, LONGEST_HEADERS + 1),
        (100, 2**32 - 1),
    ],
)
def test_lengths_that_cannot_be_are_not_waited_for(size: int, headers: int) -> None:
    lengths = struct.pack(">II", size, headers)
    taking = Messages()

    frames = taking.push(lengths + struct.pack(">I", crc32(lengths)))

    assert len(frames) == 1
    with pytest.raises(UpstreamBroke):
        read_message(frames[0])


def test_the_longest_message_is_read() -> None:
    longest = written({}, b"x" * (LONGEST_MESSAGE - 16))

    (frame,) = Messages().push(longest)

    assert len(read_message(frame).body) == LONGEST_MESSAGE - 16


@pytest.mark.parametrize(
    "value",
    [b"\0", b"\1", b"\2\7", b"\3\0\7", b"\4" + 4 * b"\7", b"\5" + 8 * b"\7", b"\6\0\2hi"]
    + [b"\x08" + 8 * b"\7", b"\x09" + 16 * b"\7"],
    ids=["true", "false", "byte", "short", "int", "long", "bytes", "time", "uuid"],
)  # fmt: skip
def test_headers_of_other_types_are_passed_over(value: bytes) -> None:
    headers = b"\1a" + value + b"\1b\7\0\2hi"

    assert read_message(_framed(headers)).headers == {"b": "hi"}


@pytest.mark.parametrize(
    "headers",
    [
        b"\0\0",
        b"\1a\0\1a\0",
        b"\1a\x0a",
        b"\1a",
        b"\2a",
        b"\1a\7\0\3hi",
        b"\1a\7\0",
        b"\1a\6\xff\xff",
        b"\1a\x09" + 15 * b"x",
        b"\1\xff\0",
        b"\1a\7\0\1\xff",
    ],
    ids=["nameless", "twice", "unknown", "no-type", "short", "long-text", "no-length"]
    + ["long-bytes", "cut-uuid", "name-no-text", "value-no-text"],
)
def test_headers_that_do_not_fit_are_refused(headers: bytes) -> None:
    with pytest.raises(UpstreamBroke):
        read_message(_framed(headers))


@pytest.mark.parametrize("body", [b"", b"x"])
def test_a_message_may_be_all_but_empty(body: bytes) -> None:
    assert read_message(written({}, body)) == Message({}, body)


def test_what_was_drained_is_not_drained_again() -> None:
    taking = Messages()
    taking.push(HELLO[:5])

    assert (taking.drain(), taking.drain()) == ([HELLO[:5]], [])


def test_headers_may_be_as_long_as_their_bound() -> None:
    one = b"\1a\6\xff\xff" + b"x" * 0xFFFF
    rest = LONGEST_HEADERS - len(one) - 5
    headers = one + b"\1b\6" + rest.to_bytes(2) + b"x" * rest

    (frame,) = Messages().push(_framed(headers))

    assert len(headers) == LONGEST_HEADERS
    assert read_message(frame) == Message({}, b"")


@given(data=st.binary(max_size=80))
def test_whatever_comes_is_a_message_or_a_failure(data: bytes) -> None:
    taking = Messages()
    frames = [*taking.push(data), *taking.drain()]

    assert b"".join(frames) == data
    for frame in frames:
        with pytest.raises(UpstreamBroke):
            read_message(frame)


def _framed(headers: bytes) -> bytes:
    lengths = struct.pack(">II", 16 + len(headers), len(headers))
    message = lengths + struct.pack(">I", crc32(lengths)) + headers
    return message + struct.pack(">I", crc32(message))

"""What says how long it will be is believed only within bounds, wherever it is cut."""

from __future__ import annotations

import pytest

from tollhouse.domain.errors import UpstreamBroke
from tollhouse.upstream.grpc_frames import Frames, Lengths

MOST = 300


def frame(length: int) -> bytes:
    return length.to_bytes(3) + bytes(6) + b"\xff" * length


@pytest.mark.req("S-144")
def test_frames_within_the_bound_pass_and_the_one_beyond_does_not() -> None:
    good = frame(MOST) + frame(0) + frame(3)
    bad = (MOST + 1).to_bytes(3) + bytes(6)

    for at in range(len(good)):
        lengths = Lengths(MOST)
        lengths.insist(good[:at])
        lengths.insist(good[at:])
        with pytest.raises(UpstreamBroke):
            lengths.insist(bad)
    with pytest.raises(UpstreamBroke):
        Lengths(MOST).insist(good + bad + good)


@pytest.mark.req("S-144")
def test_a_byte_at_a_time_is_the_same() -> None:
    lengths = Lengths(MOST)

    for byte in frame(3) + frame(MOST) + frame(0):
        lengths.insist(bytes([byte]))
    with pytest.raises(UpstreamBroke):
        _ = [lengths.insist(bytes([byte])) for byte in (MOST + 1).to_bytes(3) + bytes(6)]


def test_messages_are_whole_wherever_they_are_cut() -> None:
    raw = b"\0\0\0\0\3one" + bytes(5) + b"\0\0\0\0\3two"

    for at in range(len(raw) + 1):
        frames = Frames(MOST)
        found = [*frames.fed(raw[:at]), *frames.fed(raw[at:])]
        assert found == [b"one", b"", b"two"]
        assert frames.is_between

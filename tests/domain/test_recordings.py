from __future__ import annotations

import io
import struct
import wave

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollhouse.domain.recordings import LEAST_RATE, Recording, recording

HEAD = 4096


def wav(seconds: int, rate: int = 8000, width: int = 2, channels: int = 1) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setparams((channels, width, rate, 0, "NONE", ""))
        sound.writeframes(bytes(seconds * rate * width * channels))
    return file.getvalue()


def flac(seconds: int, rate: int = 16_000, channels: int = 1, bits: int = 16) -> bytes:
    packed = rate << 44 | (channels - 1) << 41 | (bits - 1) << 36 | seconds * rate
    return b"fLaC\x00\x00\x00\x22" + bytes(10) + packed.to_bytes(8) + bytes(16)


def mp4(seconds: int, *, is_long: bool = False) -> bytes:
    times = struct.pack(">QQIQ" if is_long else ">IIII", 0, 0, 1000, seconds * 1000)
    return (
        b"\0\0\0\x18ftypM4A \0\0\0\0moov\0\0\0lmvhd" + bytes([is_long, 0, 0, 0]) + times + bytes(80)
    )


def said(file: bytes, size: int | None = None) -> tuple[int, int]:
    found = recording(file[:HEAD], len(file) if size is None else size)
    return found.most_s, found.likely_s


@pytest.mark.req("B-20")
@pytest.mark.parametrize("shape", [(8000, 2, 1), (44_100, 2, 2), (16_000, 1, 1), (48_000, 4, 2)])
def test_a_wav_is_as_long_as_its_bytes_are(shape: tuple[int, int, int]) -> None:
    most, likely = said(wav(7, *shape))

    assert most == likely
    assert 7 <= most <= 8  # the header counts for a blink


@pytest.mark.req("B-20")
@pytest.mark.parametrize("place", [24, 28, 32, 34])
def test_a_wav_that_says_it_is_slower_is_held_for_longer(place: int) -> None:
    file = bytearray(wav(100))
    file[place : place + 2] = b"\x01\x00"

    assert recording(bytes(file[:HEAD]), len(file)).most_s > 150


@pytest.mark.parametrize("tag", [2, 0x11, 0x55, 0x161])
def test_a_wav_that_is_compressed_is_bounded_by_its_bytes_alone(tag: int) -> None:
    file = bytearray(wav(100))
    file[20:22] = tag.to_bytes(2, "little")

    assert recording(bytes(file[:HEAD]), len(file)).most_s == -(-len(file) // LEAST_RATE)


@pytest.mark.req("B-20")
def test_a_flac_that_says_it_is_long_is_held_for_that() -> None:
    assert said(flac(3600), size=50_000) == (3600, 3600)


@pytest.mark.req("B-20")
def test_a_flac_that_says_it_is_short_is_held_for_its_bytes() -> None:
    most, likely = said(flac(1), size=3_200_000)

    assert most == 6400
    assert likely == 100  # no sound of this rate takes more bytes


@pytest.mark.req("B-20")
@pytest.mark.parametrize(
    ("first", "kilobits"),
    [(b"\xff\xfb\x90\x00", 128), (b"\xff\xf3\x40\x00", 32), (b"\xff\xe3\x10\x00", 8)],
)
def test_an_mp3_is_as_long_as_its_first_frame_says_and_at_most_at_8_kilobits(
    first: bytes, kilobits: int
) -> None:
    assert said(first, size=800_000) == (800, 800_000 // (kilobits * 125))


def test_the_words_before_the_sound_of_an_mp3_are_skipped() -> None:
    assert said(b"ID3\x04\0\0\0\0\x02\x00" + bytes(256) + b"\xff\xfb\x90\x00", 160_000) == (160, 10)


@pytest.mark.parametrize("first", [b"\xff\xf1\x50\x80", b"\xff\xfb\x00\x00", b"\xff\xfb\xf0\x00"])
def test_what_only_looks_like_an_mp3_is_bounded_as_anything_else(first: bytes) -> None:
    assert said(first, size=400_000) == (800, 100)


@pytest.mark.parametrize("is_long", [False, True])
def test_an_mp4_says_how_long_it_is(is_long: bool) -> None:
    assert said(mp4(60, is_long=is_long), size=480_000) == (960, 60)
    assert said(mp4(9999, is_long=is_long), size=480_000) == (9999, 9999)


@pytest.mark.parametrize("head", [b"", b"OggS\0\2", b"\x1a\x45\xdf\xa3", b"RIFF", b"fLaC", b"ID3"])
def test_what_says_nothing_is_bounded_by_its_bytes(head: bytes) -> None:
    assert recording(head, 400_000) == Recording(800, 100)


@pytest.mark.req("B-43")
@given(
    st.sampled_from(
        [b"", wav(1)[:20], b"fLaC\0\0\0\x22" + bytes(10), mp4(1)[:40], b"ID3", b"\xff"]
    ),
    st.binary(max_size=60),
    st.integers(0, 2**30),
)
def test_whatever_a_file_begins_with_it_is_not_likely_longer_than_it_can_be(
    head: bytes, rest: bytes, size: int
) -> None:
    found = recording(head + rest, size)

    assert 0 <= found.likely_s <= found.most_s
    assert found.most_s > 0 or not size

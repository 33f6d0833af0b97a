"""How long a recording is, as far as its first bytes and its size tell.

Two answers, because who sends a file writes its header too. `most_s` is what it can at most be, and
is held for: a header lengthens it, and shortens it only where a decoder goes by the same figures.
`likely_s` is what it says it is, within what its size allows: owed where nobody tells.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

LEAST_RATE = 500
"""Bytes for a second, whatever the codec: none for speech that is in use stays below 4 kbit/s."""

LEAST_MP3_RATE = 1000
"""The lowest bit rate that the format knows is 8 kbit/s."""

USUAL_RATE = 4000
"""Of what says nothing: speech at 32 kbit/s."""

MOST_RATE = 40_000
"""Of what is compressed: 320 kbit/s."""

UNCOMPRESSED = frozenset((1, 3, 6, 7, 0xFFFE))
"""Tags of WAV: whole numbers, floats, A-law, µ-law, and those that say it further on."""

MP3_KILOBITS = (
    (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
)
"""By what stands in a frame: of MPEG 2 and 2.5, and of MPEG 1."""


@dataclass(frozen=True, slots=True)
class Recording:
    most_s: int
    likely_s: int


def recording(head: bytes, size: int) -> Recording:
    """Of a file that begins so and has so many bytes."""
    if rate := _wav_rate(head):
        return Recording(_up(size, rate), _up(size, rate))
    if head[:4] == b"fLaC" and len(head) >= 26:
        stated, raw_rate = _flac(head)
        likely = max(stated, _up(size, raw_rate))
        return Recording(max(likely, _up(size, LEAST_RATE)), likely)
    if rate := _mp3_rate(head):
        return Recording(_up(size, LEAST_MP3_RATE), max(_up(size, rate), _up(size, MOST_RATE)))
    stated = _mp4_s(head)
    most = max(stated, _up(size, LEAST_RATE))
    return Recording(most, max(stated, _up(size, MOST_RATE)) if stated else _up(size, USUAL_RATE))


def _up(amount: int, rate: int) -> int:
    return -(-amount // rate)


def _wav_rate(head: bytes) -> int:
    """The lowest that a decoder could go by, of bytes in a second; 0 of what is none, or compressed."""
    if head[:4] != b"RIFF" or head[8:16] != b"WAVEfmt " or len(head) < 36:
        return 0
    tag, channels, rate, byte_rate, block, bits = struct.unpack_from("<HHIIHH", head, 20)
    rates = (byte_rate, rate * block, channels * rate * bits // 8)
    return min(rates) if tag in UNCOMPRESSED else 0


def _flac(head: bytes) -> tuple[int, int]:
    """How long it says it is, in seconds, and the bytes in a second before it was compressed."""
    packed = int.from_bytes(head[18:26])
    rate, samples = packed >> 44, packed & ((1 << 36) - 1)
    channels, bits = (packed >> 41 & 7) + 1, (packed >> 36 & 31) + 1
    return (_up(samples, rate) if rate else 0), max(1, rate * channels * bits // 8)


def _mp3_rate(head: bytes) -> int:
    """Of its first frame, in bytes a second; 0 where there is none."""
    at = _tag_size(head)
    frame = int.from_bytes(head[at : at + 4])
    version, layer, kilobits = frame >> 19 & 3, frame >> 17 & 3, frame >> 12 & 15
    is_frame = len(head) >= at + 4 and frame >> 21 == 0x7FF
    if not is_frame or version == 1 or layer != 1 or not 1 <= kilobits <= 14:
        return 0
    return MP3_KILOBITS[version == 3][kilobits - 1] * 125


def _tag_size(head: bytes) -> int:
    """Of the words before the sound: seven bits a byte."""
    if head[:3] != b"ID3" or len(head) < 10:
        return 0
    return 10 + (head[6] << 21 | head[7] << 14 | head[8] << 7 | head[9])


def _mp4_s(head: bytes) -> int:
    """What the movie header says, if it stands at the begin."""
    at = head.find(b"mvhd") + 4
    if head[4:8] != b"ftyp" or at < 4 or len(head) < at + 32:
        return 0
    form = ">xxxxQQIQ" if head[at] == 1 else ">xxxxIIII"
    *_, scale, length = struct.unpack_from(form, head, at)
    return _up(length, scale) if scale else 0

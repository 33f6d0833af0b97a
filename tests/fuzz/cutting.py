"""The same bytes in other pieces: whoever reads a stream must not care."""

from __future__ import annotations

import random
import zlib


def ways(data: bytes) -> list[list[bytes]]:
    """Byte by byte, and in pieces of every kind that follow from the data alone."""
    return [[data[at : at + 1] for at in range(len(data))], _at_random(data)]


def _at_random(data: bytes) -> list[bytes]:
    draw = random.Random(zlib.crc32(data))
    pieces, at = [], 0
    while at < len(data):
        size = draw.choice((1, 2, 3, 7, 40, 400))
        pieces.append(data[at : at + size])
        at += size
    return pieces
